// Pointers and keys on the picture: to paint, to move it, to compare.

import { direction } from "./view.js";

export class Painting {
  // `page` has the `view`, the `mask`, `state()`, `tool()`, `size()`, `split(x)` and `painted()`.
  constructor(canvas, page) {
    Object.assign(this, { canvas, page, pointers: new Map(), cursor: null });
    const on = (name, handler) => canvas.addEventListener(name, handler);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.#up(event));
    on("pointerleave", () => this.#at(null));
    on("keydown", (event) => this.#key(event));
    on("blur", () => this.#at(null));
    on("contextmenu", (event) => event.preventDefault());
  }

  #at(place) {
    this.cursor = place;
    this.page.view.redraw();
  }

  #paints() {
    return this.page.state() === "painting" && this.page.tool() !== "points";
  }

  #begin(place) {
    const { page } = this;
    page.mask.begin(page.view.toPicture(...place), page.size() / page.view.scale,
      page.tool() === "erase");
    page.painted();
  }

  #down(event) {
    const place = [event.offsetX, event.offsetY];
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, place);
    if (this.pointers.size === 2) { // two fingers move and zoom; what the first has begun goes
      if (this.action === "paint") this.page.mask.undo();
      this.action = "pinch";
    } else if (event.button === 1 || event.shiftKey || event.button === 2) {
      this.action = "pan";
    } else if (this.#paints()) {
      this.action = "paint";
      this.#begin(place);
    } else if (this.page.state() === "done") {
      this.action = "split";
      this.page.split(place[0]);
    } else {
      this.action = "pan";
    }
  }

  #move(event) {
    const place = [event.offsetX, event.offsetY];
    const before = this.pointers.get(event.pointerId);
    const { view, mask } = this.page;
    this.#at(place);
    if (!before) return;
    if (this.action === "paint") {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const each of all.length ? all : [event]) {
        mask.go(view.toPicture(each.offsetX, each.offsetY));
      }
    } else if (this.action === "split") {
      this.page.split(place[0]);
    } else if (this.action === "pan") {
      view.pan(place[0] - before[0], place[1] - before[1]);
    } else if (this.action === "pinch") {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
        view.zoom(apart(place) / Math.max(apart(before), 1), ...other);
      }
    }
    this.pointers.set(event.pointerId, place);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size) return;
    if (this.action === "paint") this.page.painted();
    this.action = undefined;
  }

  #key(event) {
    const { view, mask } = this.page;
    const to = direction(event);
    if (!to && event.key !== " ") return;
    event.preventDefault();
    if (to && event.shiftKey) {
      view.pan(...to.map((each) => -40 * each));
      return;
    }
    if (!this.#paints()) return;
    const place = this.cursor ?? [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
    if (to) {
      const step = Math.max(2, this.page.size() / 4);
      this.#at(place.map((each, i) => each + to[i] * step));
      if (this.brushing) mask.go(view.toPicture(...this.cursor));
    } else if (!event.repeat) { // Space puts the brush down, and lifts it
      this.brushing = !this.brushing;
      if (this.brushing) this.#begin(place);
      this.#at(place);
    }
  }
}
