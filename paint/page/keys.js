// Keyboard shortcuts, for all keyboard layouts.

const PLACES = { BracketLeft: "[", BracketRight: "]", Minus: "-", Equal: "=" };

// The character that a key types, in lower case; in scripts other than Latin, the character at the
// same place of an American keyboard.
function typed({ key, code }) {
  const other = /^[\p{L}\p{M}\p{N}]/u.test(key) && !/^[\p{Script=Latin}\p{ASCII}]/u.test(key);
  return (other ? PLACES[code] ?? code.replace(/^(Key|Digit)/, "") : key).toLowerCase();
}

// The shortcut that is pressed, such as "b", "[" or "Ctrl+Shift+z" (Ctrl, or Command).
export function shortcut(event) {
  const { altKey, ctrlKey, metaKey, shiftKey } = event;
  const key = typed(event);
  // Many layouts have brackets on AltGr, which Windows reports as Ctrl and Alt, or on Alt.
  if (altKey) return !metaKey && (key === "[" || key === "]") ? key : undefined;
  return ctrlKey || metaKey ? `Ctrl+${shiftKey ? "Shift+" : ""}${key}` : key;
}
