// The page: choose a picture, paint a mask, search, compare, download.

import { Faces } from "./faces.js";
import { shortcut } from "./keys.js";
import { Mask } from "./mask.js";
import { Painting } from "./painting.js";
import { Results, tellNotes } from "./results.js";
import { Curve, Refused, ask, lines } from "./searching.js";
import { Settings } from "./settings.js";
import { View } from "./view.js";

const byId = (name) => document.getElementById(name);
const { body } = document;
const state = () => body.dataset.state;
const colour = () => getComputedStyle(body).getPropertyValue("--paint");
const curve = new Curve(byId("curve"), byId("loss"));
const settings = new Settings(byId("form"), byId("changed"));
const view = new View(byId("canvas"), draw, () => faces.place());
const faces = new Faces(view, byId("overlay"), byId("handles"), byId("frames"), frameChanged);
const results = new Results(showResult);
const page = { view, state, tool, size: () => Number(byId("size").value), painted, split };
const painting = new Painting(byId("canvas"), page);
let picture; // the server's description of it, with its `image`
let after; // the completed picture
let patch; // the filled hole so far
let running; // the AbortController of the search
let most; // largest file size, in bytes

function enter(name) {
  painting.lift();
  body.dataset.state = name;
  byId("error").hidden = true;
  byId("busy").hidden = true;
  view.redraw();
}

function tool() {
  return document.querySelector("[name=tool]:checked").value;
}

function setTool(name) {
  painting.lift();
  document.querySelector(`[name=tool][value=${name}]`).checked = true;
  body.dataset.tool = name;
  byId("handles").classList.toggle("on", name === "points");
  view.redraw();
}

function complain(error) {
  if (error.name === "AbortError") return;
  const where = byId(state() === "empty" ? "startError" : "error");
  where.textContent = error instanceof Refused ? error.message : `${error.name}: ${error.message}`;
  where.hidden = false;
  if (!(error instanceof Refused)) throw error;
}

// Drawing

function draw(context, scale) {
  if (!picture) return;
  const { shownWidth: width, shownHeight: height } = picture;
  context.imageSmoothingEnabled = scale < 12;
  context.drawImage(picture.image, 0, 0, width, height);
  if (state() === "searching" && patch) {
    context.drawImage(patch.image, patch.x * width, patch.y * height, patch.width * width,
      patch.height * height);
  } else if (state() === "done" && after) {
    const at = width * byId("split").value / 1000;
    context.save();
    context.beginPath();
    context.rect(at, 0, width - at, height);
    context.clip();
    context.drawImage(after, 0, 0, width, height);
    context.restore();
    context.save();
    context.beginPath();
    context.rect(0, 0, at, height);
    context.clip();
    page.mask.drawOver(context, colour(), 0.4);
    context.restore();
    context.fillStyle = "#fff";
    context.fillRect(at - 1 / scale, 0, 2 / scale, height);
    context.beginPath();
    context.arc(at, height / 2, 9 / scale, 0, 2 * Math.PI);
    context.fill();
  } else {
    page.mask.drawOver(context, colour());
  }
  if (painting.paints() && painting.cursor) {
    context.beginPath();
    context.arc(...view.toPicture(...painting.cursor), page.size() / scale / 2, 0, 2 * Math.PI);
    for (const [style, line] of [["#0008", 3], ["#fff", 1.5]]) {
      context.strokeStyle = style;
      context.lineWidth = line / scale;
      context.stroke();
    }
  }
}

function split(x) {
  const [at] = view.toPicture(x, 0);
  byId("split").value = 1000 * at / picture.shownWidth;
  view.redraw();
}

async function load(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

// Choosing a picture

// Chooses the dropped or pasted file, if there is exactly one.
function choosePart(transfer) {
  const files = [...transfer.files];
  const isFolder = [...transfer.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
  if (files.length === 1 && !isFolder) {
    choose(files[0]);
  } else if (files.length > 1) {
    complain(new Refused(`These are ${files.length} files. Choose one picture.`));
  } else if (files.length) {
    complain(new Refused(`${files[0].name}: is a folder. Choose one picture in it.`));
  } else {
    complain(new Refused("This is not a file. Save the picture first, then choose its file."));
  }
}

async function choose(file) {
  running?.abort();
  byId("startError").hidden = true;
  body.classList.add("busy");
  try {
    if (file.size > most) throw new Refused(
      `${file.name}: is larger than ${most >> 20} MB; choose a smaller file`);
    await file.slice(0, 1).arrayBuffer().catch(() => {
      throw new Refused(`${file.name}: cannot be read`);
    });
    const response = await ask("pictures", {
      method: "POST", body: file, headers: { "X-Name": encodeURIComponent(file.name) } });
    const chosen = await response.json();
    chosen.image = await load(`pictures/${chosen.id}/shown.png`);
    leave();
    picture = chosen;
    page.mask = new Mask(picture.shownWidth, picture.shownHeight);
    results.clear();
    after = patch = undefined;
    byId("where").textContent = `${picture.name}, ${picture.width} × ${picture.height}`;
    faces.boxes = [];
    faces.list.replaceChildren();
    setTool("brush");
    enter("painting");
    view.resize();
    view.show(picture.shownWidth, picture.shownHeight);
    painted();
    tellNotes("noticed", picture.notes);
    await findFaces(chosen);
  } catch (error) {
    complain(error);
  } finally {
    body.classList.remove("busy");
  }
}

async function findFaces(of) {
  byId("finding").hidden = false;
  byId("frameHint").textContent = "";
  const found = await (await ask(`pictures/${of.id}/faces`)).json();
  if (picture !== of) return;
  byId("finding").hidden = true;
  const scale = of.shownWidth / of.width;
  Object.assign(faces, { template: found.template, fits: found.fits });
  faces.show(found.faces.map((points) => points.map((point) =>
    point.map((each) => (each + 0.5) * scale))), found.fits);
  if (!found.fits && !found.faces.length) setTool("points");
  painted();
}

function frameChanged() {
  const { chosen, found } = faces;
  if (chosen === found && tool() !== "points") setTool("points");
  if (chosen === null && tool() === "points") setTool("brush");
  byId("frameHint").textContent = chosen === null
    ? faces.fits ? "This picture is already an aligned face."
      : "The whole picture. If it shows more than a face, choose the face."
    : chosen === found
      ? `${found ? "" : "No face was found. "}Drag the three points onto the inner corners of the ${
        ""}eyes and the lower lip. Then choose the brush.`
      : found > 1 ? "Click the face to complete." : "";
  document.querySelector("[name=tool][value=points]").disabled = chosen === null;
}

function leave() {
  if (picture) fetch(`pictures/${picture.id}`, { method: "DELETE", keepalive: true });
  picture = undefined;
}

// Painting

function change(name) { // undo, redo or clear
  if (state() !== "painting") return;
  page.mask[name]();
  painted();
}

function sized(by) {
  byId("size").value = page.size() * by;
  view.redraw();
}

function painted() {
  const empty = page.mask.isEmpty();
  byId("undo").disabled = byId("clear").disabled = !page.mask.strokes.length;
  byId("redo").disabled = !page.mask.undone.length;
  byId("complete").disabled = empty || !byId("finding").hidden;
  byId("why").hidden = !empty;
  view.redraw();
}

// Searching

async function search(seed) {
  if (!settings.isValid()) {
    byId("settings").open = true;
    settings.isValid();
    return;
  }
  const from = state();
  const scale = picture.width / picture.shownWidth;
  const points = faces.points()?.map((point) => point.map((each) => each * scale - 0.5)) ?? null;
  const byHand = faces.byHand;
  running = new AbortController();
  patch = undefined;
  curve.clear();
  byId("G").removeAttribute("src");
  byId("progress").removeAttribute("value");
  byId("status").textContent = "Starting …";
  byId("stop").disabled = true;
  enter("searching");
  byId("status").focus();
  try {
    const response = await ask(`pictures/${picture.id}/search`, {
      method: "POST", signal: running.signal, body: JSON.stringify({
        mask: await page.mask.toURL(), points, by_hand: byHand,
        settings: { ...settings.values(), seed } }) });
    for await (const message of lines(response)) await showMessage(message, seed);
    if (state() === "searching") throw new Refused("The search ended without a result. Try again.");
  } catch (error) {
    if (picture) enter(from);
    complain(error);
  }
}

async function showMessage(message, seed) {
  if (message.error) throw new Refused(message.error);
  if (message.number !== undefined) running.address = `pictures/${picture.id}/results/${message.number}`;
  if (message.ahead !== undefined) {
    byId("status").textContent = message.ahead
      ? `Waiting for ${message.ahead === 1 ? "another search" : `${message.ahead} searches`} to finish`
      : "Starting …";
  }
  if (message.iteration !== undefined) {
    byId("stop").disabled = false;
    byId("status").textContent = `Iteration ${message.iteration} of ${message.of}`;
    byId("progress").value = message.of ? message.iteration / message.of : 1;
    curve.add(message.iteration, message.of, message.losses);
  }
  if (message.points) {
    const scale = picture.shownWidth / picture.width;
    faces.correct(message.points.map((point) => point.map((each) => (each + 0.5) * scale)));
  }
  if (message.patch) {
    byId("G").src = message.G;
    patch = { ...message.patch, image: await load(message.patch.png) };
    view.redraw();
  }
  if (message.done !== undefined) {
    await results.add({ ...message, seed, address: running.address });
    if (patch) byId("split").value = 1000 * (patch.x + patch.width / 2);
    enter("done");
    byId("download").focus({ preventScroll: true, focusVisible: false });
  }
}

async function showResult(result, address) {
  after = await load(address);
  view.redraw();
}

// Buttons, keys, files

const press = (name, action) => byId(name).addEventListener("click", () => {
  painting.lift();
  action();
});
press("complete", () => { results.clear(); search(0); });
press("another", () => search(Math.max(...results.all.map(({ seed }) => seed)) + 1));
press("stop", () => {
  byId("stop").disabled = true;
  ask(`${running.address}/stop`, { method: "POST" }).catch(complain);
});
press("again", () => enter("painting"));
press("new", () => {
  running?.abort();
  leave();
  byId("where").textContent = "Pictures stay on this machine.";
  byId("file").value = "";
  enter("empty");
});
for (const name of ["undo", "redo", "clear"]) {
  press(name, () => change(name));
}
press("finer", () => sized(0.8));
press("coarser", () => sized(1.25));
press("in", () => view.zoom(1.3));
press("out", () => view.zoom(1 / 1.3));
press("fit", () => view.fit());
byId("split").addEventListener("input", () => view.redraw());
byId("size").addEventListener("input", () => view.redraw());
for (const radio of document.querySelectorAll("[name=tool]")) {
  radio.addEventListener("change", () => setTool(radio.value));
}
byId("file").addEventListener("change", (event) => {
  if (event.target.files[0]) choose(event.target.files[0]);
});
const KEYS = {
  "[": () => sized(0.8), "]": () => sized(1.25), "+": () => view.zoom(1.3),
  "=": () => view.zoom(1.3), "-": () => view.zoom(1 / 1.3), 0: () => view.fit(),
  b: () => setTool("brush"), e: () => setTool("erase"), m: () => setTool("move"),
  p: () => faces.chosen !== null && setTool("points"),
  "Ctrl+z": () => change("undo"), "Ctrl+Shift+z": () => change("redo"),
  "Ctrl+y": () => change("redo") };
document.addEventListener("keydown", (event) => {
  if (!picture || event.target.matches("input[type=number], select")) return;
  const action = KEYS[shortcut(event)];
  if (!action) return;
  event.preventDefault();
  painting.lift(); // or zooming would draw a line
  action();
});
for (const name of ["dragover", "drop", "dragleave"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    body.classList.toggle("over", name === "dragover");
    if (name === "drop") choosePart(event.dataTransfer);
  });
}
document.addEventListener("paste", (event) => {
  if (!event.target.matches("input[type=number]")) choosePart(event.clipboardData);
});
addEventListener("pagehide", leave);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// What the server offers: settings, limits, samples

try {
  const about = await (await ask("about")).json();
  settings.build(about.settings, about.preset);
  most = about.most;
  byId("samples").replaceChildren(...about.samples.map((name, i) => {
    const button = document.createElement("button");
    const src = `samples/${encodeURIComponent(name)}`;
    button.append(Object.assign(new Image(), { src, alt: `Face ${i + 1}` }));
    button.addEventListener("click", () => {
      ask(src).then((response) => response.blob()).then((blob) =>
        choose(new File([blob], name))).catch(complain);
    });
    return button;
  }));
} catch (error) {
  complain(error);
}
