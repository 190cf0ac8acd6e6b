// All results, side by side; one is shown and can be downloaded.

const byId = (name) => document.getElementById(name);

// Shows the server's warnings.
export function tellNotes(where, notes) {
  byId(where).replaceChildren(...notes.map((note) =>
    Object.assign(document.createElement("p"), { textContent: note })));
}

export class Results {
  // `choose(result, address)` is called to show a result.
  constructor(choose) {
    Object.assign(this, { choose, all: [] });
  }

  clear() {
    this.all = [];
    byId("tiles").replaceChildren();
  }

  // Adds the result of a search: the server's message, with its `seed` and `address`.
  add(result) {
    this.all.push(result);
    const group = document.createElement("section");
    const row = Object.assign(document.createElement("div"), { className: "row" });
    result.buttons = result.tiles.map((tile, i) => {
      const button = document.createElement("button");
      const name = i ? `${i}` : result.tiles.length > 1 ? result.combined : "";
      button.append(Object.assign(new Image(), { src: tile, alt: `Result ${name}` }));
      if (name) button.append(Object.assign(document.createElement("span"), { textContent: name }));
      button.addEventListener("click", () => this.show(result, i));
      return button;
    });
    row.append(...result.buttons);
    group.append(Object.assign(document.createElement("h3"),
      { textContent: `Seed ${result.seed}` }), row);
    byId("tiles").prepend(group);
    return this.show(result, 0);
  }

  // Shows a tile: 0 is the result, the others are the candidates that it combines.
  show(result, tile) {
    for (const each of this.all) {
      each.buttons.forEach((button, i) =>
        button.setAttribute("aria-pressed", each === result && i === tile));
    }
    const query = tile ? `?candidate=${tile - 1}` : "";
    const suffixes = result.files.map((file) => file.split(".").at(-1));
    byId("download").href = `${result.address}/${suffixes[0]}${query}`;
    byId("lossless").hidden = suffixes.length < 2;
    byId("lossless").querySelector("a").href = `${result.address}/png${query}`;
    byId("result").textContent = `${result.stopped ? "Stopped after" : "Completed in"} ${
      result.seconds.toFixed(0)} s`;
    byId("repeat").hidden = result.stopped || tile > 0;
    byId("command").textContent = result.command;
    byId("maskFile").href = `${result.address}/mask.png`;
    byId("pointsFile").hidden = !result.command.includes("landmarks.txt");
    byId("pointsFile").querySelector("a").href = `${result.address}/landmarks.txt`;
    tellNotes("notes", result.notes);
    return this.choose(result, `${result.address}/shown.png${query}`);
  }
}
