// A running search: the lines that the server sends, and the curve of the losses.

export class Refused extends Error {}

// The server's answer; throws a Refused with its message if the server refuses.
export async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer. Is it still running?");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new Refused(answer.error ?? `The server answers with error ${response.status}.`);
}

// Yields each line of an answer, parsed as JSON.
export async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Refused("The connection to the server was lost. Is it still running?");
    });
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, MARGIN] = [300, 100, 8];

export class Curve {
  constructor(svg, output) {
    Object.assign(this, { svg, output, steps: [] });
  }

  clear() {
    this.steps = [];
    this.svg.replaceChildren();
    this.output.value = "";
  }

  add(iteration, of, losses) {
    if (losses.includes(null)) return;
    this.steps.push([iteration, losses]);
    const lowest = ([, each]) => Math.min(...each);
    const all = this.steps.flatMap(([, each]) => each);
    const [low, high] = [Math.log(Math.min(...all)), Math.log(Math.max(...all))];
    const y = (loss) => MARGIN + (HEIGHT - 2 * MARGIN) * (high - Math.log(loss))
      / Math.max(high - low, 1e-6);
    const path = (of_, name) => {
      const shape = document.createElementNS(SVG, "path");
      shape.setAttribute("d", `M${this.steps.map((each) => `${MARGIN
        + (WIDTH - 2 * MARGIN) * each[0] / Math.max(of, 1)} ${y(of_(each))}`).join("L")}`);
      shape.setAttribute("class", name);
      return shape;
    };
    this.svg.replaceChildren(
      ...losses.map((_, k) => path(([, each]) => each[k], "")), path(lowest, "best"));
    this.output.value = Math.round(lowest(this.steps.at(-1))).toLocaleString("en");
  }
}
