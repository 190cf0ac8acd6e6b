// The painted mask, in pixels of the shown picture: a list of strokes, which can be undone.

export class Mask {
  constructor(width, height) {
    this.canvas = new OffscreenCanvas(width, height);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.strokes = [];
    this.undone = [];
  }

  // Begins a stroke, and returns it.
  begin(point, size, erase) {
    const stroke = { points: [point], size, erase, undone: this.undone };
    this.strokes.push(stroke);
    this.undone = [];
    this.#line(stroke, 0);
    return stroke;
  }

  // Extends the last stroke.
  go(stroke, point) {
    stroke.points.push(point);
    this.#line(stroke, stroke.points.length - 2);
  }

  // Draws a stroke, starting at its point number `first`.
  #line({ points, size, erase }, first) {
    const { context } = this;
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    Object.assign(context, { lineWidth: size, lineCap: "round", lineJoin: "round" });
    context.strokeStyle = context.fillStyle = "#fff";
    context.beginPath();
    if (points.length === 1) {
      context.arc(...points[0], size / 2, 0, 2 * Math.PI);
      context.fill();
      return;
    }
    context.moveTo(...points[first]);
    for (const point of points.slice(first + 1)) context.lineTo(...point);
    context.stroke();
  }

  #drawAll() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const stroke of this.strokes) {
      this.#line({ ...stroke, points: stroke.points.slice(0, 1) }, 0);
      if (stroke.points.length > 1) this.#line(stroke, 0);
    }
  }

  // Removes the last stroke as if it had never begun.
  drop(stroke) {
    this.strokes.pop();
    this.undone = stroke.undone;
    this.#drawAll();
  }

  undo() {
    if (this.strokes.length) this.undone.push(this.strokes.pop());
    this.#drawAll();
  }

  redo() {
    if (this.undone.length) this.strokes.push(this.undone.pop());
    this.#drawAll();
  }

  // Removes all strokes; undo brings them back one by one.
  clear() {
    this.undone.push(...this.strokes.splice(0).reverse());
    this.#drawAll();
  }

  #pixels() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  isEmpty() {
    if (!this.strokes.some((stroke) => !stroke.erase)) return true;
    const { data } = this.#pixels();
    for (let i = 3; i < data.length; i += 4) if (data[i] > 127) return false;
    return true;
  }

  // Draws the mask over the picture in a colour.
  drawOver(context, colour, opacity = 0.6) {
    const { width, height } = this.canvas;
    this.tinted ??= new OffscreenCanvas(width, height);
    const tinted = this.tinted.getContext("2d");
    tinted.globalCompositeOperation = "copy";
    tinted.drawImage(this.canvas, 0, 0);
    tinted.globalCompositeOperation = "source-in";
    tinted.fillStyle = colour;
    tinted.fillRect(0, 0, width, height);
    context.globalAlpha = opacity;
    context.drawImage(this.tinted, 0, 0);
    context.globalAlpha = 1;
  }

  // The mask as the data: URL of a PNG: painted pixels are white, all others black.
  async toURL() {
    const { width, height } = this.canvas;
    const pixels = this.#pixels();
    const { data } = pixels;
    for (let i = 0; i < data.length; i += 4) {
      data.fill(data[i + 3] > 127 ? 255 : 0, i, i + 3);
      data[i + 3] = 255;
    }
    const copy = new OffscreenCanvas(width, height);
    copy.getContext("2d").putImageData(pixels, 0, 0);
    const reader = new FileReader();
    reader.readAsDataURL(await copy.convertToBlob({ type: "image/png" }));
    await new Promise((resolve) => { reader.onload = resolve; });
    return reader.result;
  }
}
