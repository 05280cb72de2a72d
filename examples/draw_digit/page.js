"use strict";
/* The page: it takes strokes, sends the drawing, and shows the answer. Nothing is computed here.
   Order: the drawing, the conversation with the program, showing, pictures, starting. */

const $ = (id) => document.getElementById(id);
const SIDE = 280;            // of the drawing that is sent, in pixels
const PAUSE = 25;            // milliseconds between an answer and the next question, at least
const pad = $("pad"), paper = pad.getContext("2d");
const SCALE = pad.width / SIDE;
const copy = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
const copied = copy.getContext("2d", { willReadFrequently: true });

let marks = [];              // strokes {width, points} and pictures {picture}, in drawing coordinates
let model = null, answer = null, chosen = null;   // chosen: the digit whose saliency is shown
let pointer = null;          // the one that draws; a second finger does nothing
let cursor = { x: SIDE / 2, y: SIDE / 2, down: false, shown: false };   // of the keyboard

/* ---- the drawing ---- */

function paint() {
  paper.clearRect(0, 0, pad.width, pad.height);
  paper.save();
  paper.scale(SCALE, SCALE);
  paper.lineCap = paper.lineJoin = "round";
  paper.imageSmoothingEnabled = false;
  paper.strokeStyle = colour("--ink");
  for (const mark of marks) {
    if (mark.picture) { paper.drawImage(mark.picture, 0, 0, SIDE, SIDE); continue; }
    paper.lineWidth = mark.width;
    paper.beginPath();
    paper.moveTo(...mark.points[0]);
    for (const point of mark.points.length > 1 ? mark.points.slice(1) : mark.points) paper.lineTo(...point);
    paper.stroke();
  }
  paper.restore();
}

function ink() {                                  // how much ink is on each of 280 x 280 pixels
  paint();
  copied.clearRect(0, 0, SIDE, SIDE);
  copied.drawImage(pad, 0, 0, SIDE, SIDE);
  const pixels = copied.getImageData(0, 0, SIDE, SIDE).data;
  const bytes = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < bytes.length; i++) bytes[i] = pixels[4 * i + 3];
  return bytes;
}

function place(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
}

function begin(point) {
  marks.push({ width: Number($("pen").value), points: [point] });
  changed();
}

function extend(points) {
  if (!marks.length || !marks.at(-1).points) return;
  marks.at(-1).points.push(...points);
  changed();
}

pad.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button) return;
  pointer = event.pointerId;
  pad.setPointerCapture(pointer);
  cursor.down = cursor.shown = false;
  begin(place(event));
});
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  extend((all.length ? all : [event]).map(place));
});
for (const end of ["pointerup", "pointercancel"]) {
  pad.addEventListener(end, (event) => {
    if (event.pointerId === pointer) { pointer = null; speak(); }
  });
}

function clear() { marks = []; cursor.down = false; chosen = null; changed(); }
function undo() { marks.pop(); cursor.down = false; changed(); }

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); undo(); }
});
pad.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
  if (step) {
    const inside = (v) => Math.min(SIDE - 10, Math.max(10, v));
    [cursor.x, cursor.y] = [inside(cursor.x + step[0]), inside(cursor.y + step[1])];
    if (cursor.down) extend([[cursor.x, cursor.y]]);
  } else if (event.key === " ") {
    cursor.down = !cursor.down;
    if (cursor.down) begin([cursor.x, cursor.y]); else speak();
  } else if (event.key === "Delete" || event.key === "Backspace") {
    clear();
  } else {
    return;
  }
  event.preventDefault();
  cursor.shown = true;
  drawCursor();
});
pad.addEventListener("blur", () => { cursor.down = cursor.shown = false; paint(); });

function drawCursor() {
  paint();
  if (!cursor.shown) return;
  paper.strokeStyle = colour("--accent");
  paper.lineWidth = 3;
  paper.beginPath();
  paper.arc(cursor.x * SCALE, cursor.y * SCALE, 14, 0, 7);
  if (cursor.down) { paper.fillStyle = colour("--accent"); paper.fill(); }
  paper.stroke();
}

async function example() {
  const { label, bytes } = await ask("/digit");
  const picture = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
  const pixels = new ImageData(28, 28);
  decode(bytes).forEach((value, i) => { pixels.data[4 * i + 3] = value; });
  picture.getContext("2d").putImageData(pixels, 0, 0);
  marks = [{ picture, pixels, label }];
  tint();
  chosen = null;
  changed();
}

function tint() {                                 // a picture of MNIST in the colour of the ink
  for (const { picture, pixels } of marks) {
    if (!picture) continue;
    const pen = picture.getContext("2d");
    pen.putImageData(pixels, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = colour("--ink");
    pen.fillRect(0, 0, 28, 28);
    pen.globalCompositeOperation = "source-over";
  }
}

/* ---- the conversation: one question at a time, and always about the newest drawing ---- */

let waiting = false, wanted = false;

function changed() {
  paint();
  wanted = true;
  document.body.dataset.state = marks.length ? "working" : "empty";
  if (cursor.shown) drawCursor();
  converse();
}

async function converse() {
  if (waiting || !wanted) return;
  waiting = true;
  wanted = false;
  let pause = PAUSE;
  try {
    const path = chosen === null ? "/look" : `/look?digit=${chosen}`;
    const body = ink();
    if (cursor.shown) drawCursor();
    show(await ask(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body }));
    problem("");
  } catch (error) {
    wanted = true;
    pause = 1000;
    problem(error.message);
  }
  setTimeout(() => { waiting = false; converse(); }, pause);
  if (!wanted) {
    document.body.dataset.state = answer.empty ? "empty" : "done";
    if (pointer === null && !cursor.down) speak();
  }
}

async function ask(path, options) {
  const reply = await fetch(path, options).catch(() => {
    throw new Error("The program does not answer. Does it still run in the terminal?");
  });
  if (!reply.ok) throw new Error((await reply.text()).trim());
  return reply.json();
}

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

/* ---- showing an answer ---- */

function show(found) {
  answer = found;
  const p = found.empty ? null : found.probabilities;
  const order = p ? [...p.keys()].sort((a, b) => p[b] - p[a]) : [];
  for (const [digit, button] of [...$("bars").querySelectorAll("button")].entries()) {
    button.classList.toggle("first", digit === order[0]);
    button.setAttribute("aria-pressed", String(chosen === digit));
    button.querySelector("i").style.width = p ? `${100 * p[digit]}%` : "0";
    button.querySelector(".share").textContent = p ? percent(p[digit]) : "–";
  }
  $("verdict").textContent = verdict(p, order);
  $("verdict").dataset.digit = p ? order[0] : "";
  $("asked").textContent = found.empty ? "the most probable digit" : `the ${found.saliency.digit}`;
  const mass = found.empty ? "" : `It is now in row ${found.mass[0].toFixed(1)}, column ${found.mass[1].toFixed(1)}; MNIST's are at 14, give or take half a pixel.`;
  $("mass").textContent = mass;
  showPictures();
}

function verdict(p, order) {
  if (!p) return "It waits for a drawing.";
  const label = marks.length === 1 && marks[0].label !== undefined ? ` MNIST says ${marks[0].label}.` : "";
  const [a, b] = order;
  if (p[a] >= 0.9) return `This is ${named(a)}.${label}`;
  if (p[a] >= 0.5) return `Probably ${named(a)}, perhaps ${named(b)}.${label}`;
  return `Not sure: ${named(a)} or ${named(b)}?${label}`;
}

function named(digit) { return `${digit === 8 ? "an" : "a"} ${digit}`; }

function speak() { $("spoken").textContent = $("verdict").textContent; }

function percent(p) {
  if (p >= 0.9995) return "> 99.9\u00a0%";
  if (p < 0.0005) return "< 0.1\u00a0%";
  return `${(100 * p).toFixed(1)}\u00a0%`;
}

function showPictures() {
  const found = answer || { empty: true };
  drawSaliency($("saliency"), found);
  drawDrawn($("drawn"), found);
  drawScaled($("scaled"), found);
  drawImage($("image"), found);
  if (!model) return;
  model.layers.forEach((layer, i) => {
    if (layer.picture) drawLayer(i, layer, found.empty ? null : found.layers[i]);
  });
}

/* ---- pictures ---- */

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function decode(text) { return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); }

function palette(...names) {                      // 256 colours that run through these
  const stops = names.map((name) => colour(name).match(/[0-9a-f]{2}/gi).map((x) => parseInt(x, 16)));
  return Array.from({ length: 256 }, (_, i) => {
    const at = i / 255 * (stops.length - 1), j = Math.min(Math.floor(at), stops.length - 2);
    return stops[j].map((v, k) => Math.round(v + (at - j) * (stops[j + 1][k] - v)));
  });
}

let palettes = null;

function colours(picture) {
  palettes ||= {
    ink: palette("--ramp-low", "--ink"),
    positive: palette("--ramp-low", "--ramp-middle", "--ramp-high"),
    signed: palette("--minus", "--zero", "--plus"),
  };
  return picture.low < 0 ? palettes.signed : palettes.positive;
}

function sized(canvas, height) {                  // a canvas as sharp as the screen
  const box = canvas.getBoundingClientRect(), dense = window.devicePixelRatio || 1;
  if (height) canvas.style.height = `${height}px`;
  canvas.width = Math.round((box.width - 2) * dense) || 1;
  canvas.height = Math.round((height || box.width - 2) * dense);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  return pen;
}

/* One channel of a picture as a small canvas, one pixel a number. */
function bitmap(data, [h, w], list, channel = 0, channels = 1) {
  const small = Object.assign(document.createElement("canvas"), { width: w, height: h });
  const pixels = new ImageData(w, h);
  for (let i = 0; i < h * w; i++) {
    const [r, g, b] = list[data[i * channels + channel]];
    pixels.data.set([r, g, b, 255], 4 * i);
  }
  small.getContext("2d").putImageData(pixels, 0, 0);
  return small;
}

function lines(pen, n, size, name = "--line") {   // the grid between n x n pixels
  pen.strokeStyle = colour(name);
  pen.lineWidth = 1;
  pen.globalAlpha = 0.5;
  pen.beginPath();
  for (let i = 1; i < n; i++) {
    const at = Math.round(i * size / n) + 0.5;
    pen.moveTo(at, 0); pen.lineTo(at, size);
    pen.moveTo(0, at); pen.lineTo(size, at);
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

function drawDrawn(canvas, found) {
  const pen = sized(canvas), size = canvas.width;
  pen.clearRect(0, 0, size, size);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(copy, 0, 0, size, size);
  if (found.empty) return;
  const [top, left, height, width] = found.crop.map((v) => v * size / SIDE);
  pen.strokeStyle = colour("--minus");
  pen.lineWidth = Math.max(2, size / 120);
  pen.setLineDash([size / 30, size / 45]);
  pen.strokeRect(left, top, width, height);
}

function drawScaled(canvas, found) {
  const pen = sized(canvas), size = canvas.width;
  pen.clearRect(0, 0, size, size);
  if (!found.empty) {
    colours(found.scaled);
    const [h, w] = found.scaled.shape, cell = size / 20;
    const left = Math.floor((20 - w) / 2), top = Math.floor((20 - h) / 2);
    pen.drawImage(bitmap(decode(found.scaled.bytes), [h, w], palettes.ink), left * cell, top * cell, w * cell, h * cell);
  }
  lines(pen, 20, size);
}

function drawImage(canvas, found) {
  const pen = sized(canvas), size = canvas.width, cell = size / 28;
  pen.clearRect(0, 0, size, size);
  if (found.empty) { lines(pen, 28, size); return; }
  colours(found.image);
  pen.drawImage(bitmap(decode(found.image.bytes), [28, 28], palettes.ink), 0, 0, size, size);
  lines(pen, 28, size);
  const [h, w] = found.scaled.shape, [top, left] = found.place;
  pen.strokeStyle = colour("--minus");
  pen.lineWidth = Math.max(2, size / 120);
  pen.setLineDash([size / 30, size / 45]);
  pen.strokeRect(left * cell, top * cell, w * cell, h * cell);
  pen.setLineDash([]);
  const [y, x] = found.mass.map((v) => (v + 0.5) * cell), arm = 2 * cell;
  for (const [width, name] of [[5, "--panel"], [2.5, "--minus"]]) {
    pen.strokeStyle = colour(name);
    pen.lineWidth = width * size / 300;
    pen.beginPath();
    pen.moveTo(x - arm, y); pen.lineTo(x + arm, y);
    pen.moveTo(x, y - arm); pen.lineTo(x, y + arm);
    pen.stroke();
  }
}

function drawSaliency(canvas, found) {
  const pen = sized(canvas), size = canvas.width, cell = size / 28;
  pen.clearRect(0, 0, size, size);
  if (found.empty) { lines(pen, 28, size); return; }
  colours(found.saliency);
  const signed = found.saliency.low < 0 ? palettes.signed : palettes.signed.slice(128).flatMap((c) => [c, c]);
  pen.drawImage(bitmap(decode(found.saliency.bytes), [28, 28], signed), 0, 0, size, size);
  const ink = decode(found.image.bytes), at = (r, c) => r >= 0 && c >= 0 && r < 28 && c < 28 && ink[28 * r + c] > 127;
  pen.strokeStyle = colour("--ink");
  pen.lineWidth = Math.max(1.5, size / 170);
  pen.lineCap = "round";
  pen.beginPath();
  for (let r = 0; r <= 28; r++) {
    for (let c = 0; c <= 28; c++) {
      if (at(r, c) !== at(r - 1, c)) { pen.moveTo(c * cell, r * cell); pen.lineTo((c + 1) * cell, r * cell); }
      if (at(r, c) !== at(r, c - 1)) { pen.moveTo(c * cell, r * cell); pen.lineTo(c * cell, (r + 1) * cell); }
    }
  }
  pen.stroke();
}

/* Maps (H, W, C) side by side, over the filter that made each where it is known; numbers (D,) as
   cells in rows. */
function drawLayer(i, layer, found) {
  const canvas = $(`layer-${i}`), width = canvas.getBoundingClientRect().width;
  const [h, w, count] = layer.shown.length === 3 ? layer.shown : [1, 1, layer.shown[0]];
  const maps = layer.shown.length === 3, filters = maps && i === 0 ? model.filters : null;
  const columns = inRow(count, maps ? Math.min(16, Math.floor(width / 38)) : width < 500 ? 16 : 32);
  const gap = maps ? 6 : 3, tile = Math.floor((width - gap * (columns - 1)) / columns);
  const tall = maps ? Math.round(tile * h / w) : Math.min(tile, 26), below = filters ? Math.round(tile * 0.42) : 0;
  const rows = Math.ceil(count / columns);
  const pen = sized(canvas, rows * (tall + below + gap) - gap + 1);
  pen.scale(canvas.width / width, canvas.width / width);
  pen.strokeStyle = colour("--line");
  pen.lineWidth = 1;
  const data = found && decode(found.bytes), list = found && colours(found);
  for (let k = 0; k < count; k++) {
    const x = k % columns * (tile + gap), y = Math.floor(k / columns) * (tall + below + gap);
    if (found) pen.drawImage(bitmap(data, [h, w], list, k, count), x, y, tile, tall);
    pen.strokeRect(x + 0.5, y + 0.5, tile - 1, tall - 1);
    if (!maps && count === 10) write(pen, k, x + tile / 2, y + tall / 2, found && data[k] > 128);
    if (!filters) continue;
    const side = 3 * Math.max(4, Math.round(tile * 0.11)), left = x + Math.round((tile - side) / 2);
    colours(filters);
    pen.drawImage(bitmap(model.kernels, filters.shape, palettes.signed, k, count), left, y + tall + 3, side, side);
    pen.strokeRect(left - 0.5, y + tall + 2.5, side + 1, side + 1);
  }
}

function write(pen, text, x, y, onDark) {
  pen.fillStyle = colour(onDark ? "--ramp-low" : "--muted");
  pen.font = "13px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y);
}

function inRow(count, most) {                     // full rows where that is possible
  for (let n = Math.min(count, most); n > most / 2; n--) if (count % n === 0) return n;
  return Math.min(count, most);
}

/* ---- starting ---- */

function makeBars() {
  for (let digit = 0; digit < 10; digit++) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    for (const [tag, name, text] of [["span", "digit", digit], ["span", "track", ""], ["span", "share", "–"]]) {
      button.append(Object.assign(document.createElement(tag), { className: name, textContent: text }));
    }
    button.querySelector(".track").append(document.createElement("i"));
    button.addEventListener("click", () => {
      chosen = chosen === digit ? null : digit;
      button.setAttribute("aria-pressed", String(chosen === digit));
      changed();
    });
    item.append(button);
    $("bars").append(item);
  }
}

function makeLayers() {
  for (const [i, layer] of model.layers.entries()) {
    const row = document.createElement("div"), name = document.createElement("div");
    const add = (to, tag, kind, text) => to.append(Object.assign(document.createElement(tag), { className: kind, textContent: text }));
    row.className = "layer";
    name.className = "name";
    row.append(name);
    add(name, "h3", "", `${i + 1}. ${layer.kind}`);
    const total = layer.shape.at(-1), some = layer.picture && layer.shown.at(-1) < total ? `; the first ${layer.shown.at(-1)} are shown` : "";
    add(name, "p", "shape", (layer.shape.length === 3 ? `${total} maps of ${layer.shape[0]} × ${layer.shape[1]}` : `${total.toLocaleString("en")} numbers`) + some);
    let text = layer.text;
    if (i === 0 && model.filters) text += " The small square under each map is its filter: blue weights want ink, orange ones want paper.";
    add(row, "p", "text", text);
    if (layer.picture) {
      const canvas = Object.assign(document.createElement("canvas"), { id: `layer-${i}` });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Output of layer ${i + 1}, ${layer.kind}`);
      row.append(canvas);
    }
    $("layers").append(row);
  }
  if (model.filters) model.kernels = decode(model.filters.bytes);
  $("about").textContent = `The network has ${model.parameters.toLocaleString("en")} weights and reads ${(100 * model.share_read).toFixed(1)} % of 1,000 test images of MNIST rightly.`;
}

$("clear").addEventListener("click", clear);
$("undo").addEventListener("click", undo);
$("example").addEventListener("click", () => example().catch((error) => problem(error.message)));
window.addEventListener("resize", showPictures);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  palettes = null;
  tint();
  paint();
  showPictures();
});

makeBars();
ask("/model").then((found) => {
  model = found;
  makeLayers();
  changed();
}, (error) => problem(error.message));
