// Pointers and keys on the picture, which paint, move and compare.

import { direction } from "./view.js";

export class Painting {
  // `page` has the `view`, the `mask`, `state()`, `tool()`, `size()`, `split(x)` and `painted()`.
  constructor(canvas, page) {
    // `pointers`: the places of the pointers in a gesture. `stroke`: the stroke that a pointer, or
    // without a pointer the keyboard, is drawing.
    Object.assign(this, { canvas, page, pointers: new Map(), cursor: null, stroke: undefined });
    const on = (name, handler) => canvas.addEventListener(name, handler);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      on(name, (event) => this.#up(event));
    }
    on("pointerleave", () => this.#at(null));
    on("keydown", (event) => this.#key(event));
    on("blur", () => { this.lift(); this.#at(null); });
    on("contextmenu", (event) => event.preventDefault());
  }

  paints() {
    return this.page.state() === "painting" && ["brush", "erase"].includes(this.page.tool());
  }

  // Ends the current stroke, even if its pointer is still down.
  lift() {
    if (!this.stroke) return;
    this.stroke = undefined;
    this.page.painted();
  }

  #at(place) {
    this.cursor = place;
    this.page.view.redraw();
  }

  #place(event) { // the only place that coalesced events have
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #begin(place) {
    const { page } = this;
    this.stroke = page.mask.begin(page.view.toPicture(...place), page.size() / page.view.scale,
      page.tool() === "erase");
    page.painted();
  }

  #go(place) {
    this.page.mask.go(this.stroke, this.page.view.toPicture(...place));
  }

  // Cancels the stroke that has begun.
  #takeBack() {
    if (this.stroke) this.page.mask.drop(this.stroke);
    this.lift();
  }

  #down(event) {
    const { pointerId, pointerType } = event;
    if (this.pointers.size && this.kind === "touch" && pointerType === "pen") {
      this.#takeBack(); // the palm touched first
      this.pointers.clear();
    }
    const joins = this.kind === "touch" && pointerType === "touch" && this.pointers.size === 1;
    if (this.pointers.size && !joins) return; // a palm next to the pen, or a third finger
    const place = this.#place(event);
    this.canvas.setPointerCapture(pointerId);
    this.pointers.set(pointerId, place);
    if (joins) { // two fingers move and zoom
      this.#takeBack();
      this.action = "pinch";
      return;
    }
    this.lift(); // the keyboard's brush
    this.kind = pointerType;
    if (event.button === 1 || event.shiftKey || event.button === 2) {
      this.action = "pan";
    } else if (this.paints()) {
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
    const place = this.#place(event);
    const before = this.pointers.get(event.pointerId);
    const { view } = this.page;
    if (!before && (this.pointers.size || event.pointerType === "touch")) return;
    this.#at(place);
    if (!before) return;
    if (this.action === "paint" && this.stroke) {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const each of all.length ? all : [event]) this.#go(this.#place(each));
    } else if (this.action === "split" && this.page.state() === "done") {
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
    if (this.pointers.delete(event.pointerId) && !this.pointers.size) this.lift();
  }

  #key(event) {
    const { view } = this.page;
    const to = direction(event);
    if (!to && event.key !== " " || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (to && event.shiftKey) {
      view.pan(...to.map((each) => -40 * each));
      return;
    }
    if (!this.paints() || this.pointers.size) return;
    // A stroke continues at its place on the picture, which may have moved or been zoomed.
    const place = this.stroke ? view.toScreen(this.stroke.points.at(-1))
      : this.cursor ?? [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
    if (to) {
      const step = Math.max(2, this.page.size() / 4);
      this.#at(place.map((each, i) => each + to[i] * step));
      if (this.stroke) this.#go(this.cursor);
    } else if (!event.repeat) { // Space puts the brush down, and lifts it
      if (this.stroke) this.lift();
      else this.#begin(place);
      this.#at(place);
    }
  }
}
