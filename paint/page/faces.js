// The area that the network sees: a box around each face, the three points that define it, and the
// choice of a face.

import { draggable } from "./dragging.js";
import { direction } from "./view.js";

const NAMES = ["eye", "eye", "lower lip"];
const SVG = "http://www.w3.org/2000/svg";

// The corners of the square that the network sees, if it moves three points to their places in
// `template` (in a square of width 1).
export function corners(points, template) {
  const [[ax, ay], [bx, by], [cx, cy]] = template;
  const [p, q, r] = points;
  const det = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
  return [[0, 0], [1, 0], [1, 1], [0, 1]].map(([u, v]) => {
    const s = ((u - ax) * (cy - ay) - (cx - ax) * (v - ay)) / det;
    const t = ((bx - ax) * (v - ay) - (u - ax) * (by - ay)) / det;
    return [0, 1].map((i) => p[i] + s * (q[i] - p[i]) + t * (r[i] - p[i]));
  });
}

export class Faces {
  // `changed()` is called when the choice changes.
  constructor(view, overlay, handles, list, changed) {
    Object.assign(this, { view, overlay, handles, list, changed, faces: [], chosen: null });
    this.template = [];
  }

  // Shows the faces of a new picture, three points each.
  show(faces, preferWhole) {
    this.moved = new Set();
    const { width, height } = this.view;
    const edge = 0.6 * Math.min(width, height);
    const byHand = this.template.map(([x, y]) => [
      (width - edge) / 2 + x * edge, (height - edge) / 2 + y * edge]);
    this.faces = [...faces, byHand];
    this.found = faces.length;
    this.list.replaceChildren(...this.faces.map((_, i) => this.#option(i, this.name(i))),
      this.#option(null, "Whole picture"));
    this.choose(preferWhole ? null : 0);
  }

  name(i) {
    if (i === this.found) return "Three points";
    return this.found === 1 ? "The face" : `Face ${i + 1}`;
  }

  #option(value, text) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"),
      { type: "radio", name: "frame", value: String(value) });
    input.addEventListener("change", () => this.choose(value));
    label.append(input, Object.assign(document.createElement("span"), { textContent: text }));
    return label;
  }

  choose(value) {
    this.chosen = value;
    for (const input of this.list.querySelectorAll("input")) {
      input.checked = input.value === String(value);
    }
    this.#rebuild();
    this.changed();
  }

  // Three points, or null for the whole picture.
  points() {
    return this.chosen === null ? null : this.faces[this.chosen];
  }

  // Whether the user has placed the points.
  get byHand() {
    return this.moved.has(this.chosen);
  }

  // Moves the points of the chosen face to the places that the search has found.
  correct(points) {
    this.faces[this.chosen] = points;
    this.#rebuild();
  }

  #rebuild() {
    this.overlay.replaceChildren();
    this.handles.replaceChildren();
    this.boxes = [];
    this.faces.forEach((points, i) => {
      if (i === this.found && this.chosen !== i) return;
      const chosen = i === this.chosen;
      const shapes = (chosen ? ["chosen"] : ["other", "hit"]).map((name) => {
        const shape = document.createElementNS(SVG, "polygon");
        shape.setAttribute("class", name);
        shape.addEventListener("click", () => this.choose(i));
        return shape;
      });
      const chip = Object.assign(document.createElement("button"),
        { className: `chip${chosen ? " chosen" : ""}`, textContent: this.name(i) });
      chip.addEventListener("click", () => this.choose(i));
      const dots = chosen ? points.map((_, k) => this.#handle(points, k)) : [];
      const circles = dots.map(() => document.createElementNS(SVG, "circle"));
      circles.forEach((circle) => circle.setAttribute("r", 4));
      this.overlay.append(...shapes, ...circles);
      this.handles.append(chip, ...dots);
      this.boxes.push({ points, shapes, chip, dots, circles });
    });
    this.place();
  }

  // A point of the chosen face, which can be dragged or moved with arrow keys.
  #handle(points, k) {
    const handle = Object.assign(document.createElement("button"), { className: "handle" });
    handle.dataset.name = NAMES[k];
    handle.setAttribute("aria-label", k < 2 ? `Inner corner of the ${["left", "right"][k]} eye`
      : "Lower lip");
    const move = (dx, dy) => {
      points[k] = [points[k][0] + dx / this.view.scale, points[k][1] + dy / this.view.scale];
      this.moved.add(this.chosen);
      this.place();
      this.changed();
    };
    draggable(handle, move);
    handle.addEventListener("keydown", (event) => {
      const to = direction(event);
      if (!to) return;
      event.preventDefault();
      move(...to.map((each) => each * (event.shiftKey ? 10 : 1)));
    });
    return handle;
  }

  // Moves all boxes and points with the view.
  place() {
    for (const { points, shapes, chip, dots, circles } of this.boxes ?? []) {
      const box = corners(points, this.template).map((corner) => this.view.toScreen(corner));
      for (const shape of shapes) shape.setAttribute("points", box.join(" "));
      Object.assign(chip.style,
        { left: `${Math.max(box[0][0], 0)}px`, top: `${Math.max(box[0][1], 28)}px` });
      points.forEach((point, k) => {
        if (!dots[k]) return;
        const [x, y] = this.view.toScreen(point);
        Object.assign(dots[k].style, { left: `${x}px`, top: `${y}px` });
        circles[k].setAttribute("cx", x);
        circles[k].setAttribute("cy", y);
      });
    }
  }
}
