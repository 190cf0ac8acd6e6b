// What a key means, whatever the layout of the keyboard.

const PLACES = { BracketLeft: "[", BracketRight: "]", Minus: "-", Equal: "=" };

// What a key types, in lower case. In a script that is not Latin, it is what the same place of an
// American keyboard types.
function typed({ key, code }) {
  const other = /^[\p{L}\p{M}\p{N}]/u.test(key) && !/^[\p{Script=Latin}\p{ASCII}]/u.test(key);
  return (other ? PLACES[code] ?? code.replace(/^(Key|Digit)/, "") : key).toLowerCase();
}

// The shortcut that is pressed, such as "b", "[" or "Ctrl+Shift+z" (Ctrl, or Command).
export function shortcut(event) {
  const { altKey, ctrlKey, metaKey, shiftKey } = event;
  const key = typed(event);
  // Many layouts have brackets on AltGr, which Windows tells as Ctrl and Alt, or on Alt.
  if (altKey) return !metaKey && (key === "[" || key === "]") ? key : undefined;
  return ctrlKey || metaKey ? `Ctrl+${shiftKey ? "Shift+" : ""}${key}` : key;
}
