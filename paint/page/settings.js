// The settings, as the server describes them: each with its default and an explanation.

export class Settings {
  constructor(form, changed) {
    Object.assign(this, { form, changed });
    form.addEventListener("input", () => this.#show());
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  build(described, preset) {
    this.described = described;
    this.form.replaceChildren(...described.map((each) => this.#row(each)));
    this.preset = this.form.elements.preset;
    this.preset.value = this.usual = preset;
    this.#show();
  }

  #row({ name, help, choices, most }) {
    const label = document.createElement("label");
    const code = Object.assign(document.createElement("code"), { textContent: name });
    let field;
    if (choices) {
      field = document.createElement("select");
      field.append(...(name === "preset" ? choices : ["", ...choices]).map((choice) =>
        new Option(choice, choice)));
    } else {
      field = Object.assign(document.createElement("input"),
        { type: "number", min: name === "nCandidates" ? 1 : 0, step: name === "lam" ? "any" : 1 });
      if (most) field.max = most;
    }
    field.name = name;
    label.append(code, field,
      Object.assign(document.createElement("small"), { textContent: help }));
    return label;
  }

  // Shows the defaults of all settings, and how many are changed.
  #show() {
    for (const { name, defaults } of this.described) {
      if (name === "preset") continue;
      const field = this.form.elements[name];
      const usual = defaults[this.preset.value];
      if (field.tagName === "SELECT") field.options[0].textContent = usual;
      else field.placeholder = usual;
    }
    const count = Object.keys(this.values()).length - (this.preset.value === this.usual);
    const about = this.described.find(({ name }) => name === "preset");
    this.preset.parentElement.querySelector("small").textContent =
      `${about.help}. It sets ${about.sets[this.preset.value]}`;
    this.changed.textContent = count ? `· ${count} changed` : "";
  }

  isValid() {
    return this.form.reportValidity();
  }

  values() {
    return Object.fromEntries(this.described.map(({ name }) => this.form.elements[name])
      .filter(({ value }) => value !== "")
      .map(({ name, type, value }) => [name, type === "number" ? Number(value) : value]));
  }
}
