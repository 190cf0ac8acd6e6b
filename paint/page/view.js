// The place and the scale of the picture on the canvas. Its pixel i spans i to i + 1.

const MOST = 40; // largest scale, in screen pixels per picture pixel
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function direction(event) {
  return KEYS[event.key];
}

export class View {
  // `draw(context, scale)` draws in the picture's pixels; `moved()` is called after each redraw.
  constructor(canvas, draw, moved) {
    Object.assign(this, { canvas, draw, moved, width: 1, height: 1, scale: 1, x: 0, y: 0 });
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)),
        event.offsetX, event.offsetY);
    }, { passive: false });
  }

  show(width, height) {
    Object.assign(this, { width, height });
    this.fit();
  }

  // Adjusts to the canvas's size; its centre keeps showing the same point.
  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth) return; // it is hidden
    const [width, height] = this.shape ?? [clientWidth, clientHeight];
    this.shape = [clientWidth, clientHeight];
    this.x += (clientWidth - width) / 2;
    this.y += (clientHeight - height) / 2;
    if (this.fitted) this.fit();
    this.redraw();
  }

  // The scale at which the whole picture is visible.
  #fitting() {
    const { clientWidth, clientHeight } = this.canvas;
    const room = 24;
    return Math.max(0.01, Math.min((clientWidth - room) / this.width,
      (clientHeight - room) / this.height));
  }

  fit() {
    const { clientWidth, clientHeight } = this.canvas;
    this.fitted = true;
    this.scale = this.#fitting();
    this.x = (clientWidth - this.scale * this.width) / 2;
    this.y = (clientHeight - this.scale * this.height) / 2;
    this.redraw();
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const smallest = this.#fitting() / 2;
    const scale = Math.min(Math.max(this.scale * factor, smallest), Math.max(MOST, smallest));
    this.fitted = false;
    this.x = x - (x - this.x) * (scale / this.scale);
    this.y = y - (y - this.y) * (scale / this.scale);
    this.scale = scale;
    this.redraw();
  }

  pan(dx, dy) {
    this.fitted = false;
    this.x += dx;
    this.y += dy;
    this.redraw();
  }

  toPicture(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  toScreen([x, y]) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  redraw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = undefined;
      const { context, canvas, scale } = this;
      // The pixel density changes with the browser's zoom, and when the window moves to another
      // screen.
      const pixels = [canvas.clientWidth, canvas.clientHeight].map((edge) =>
        Math.max(1, Math.floor(edge * devicePixelRatio)));
      if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
        [canvas.width, canvas.height] = pixels;
      }
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.scale(devicePixelRatio, devicePixelRatio);
      context.translate(this.x, this.y);
      context.scale(scale, scale);
      context.imageSmoothingQuality = "high";
      this.draw(context, scale);
      this.moved();
    });
  }
}
