// A pixel under the mouse, found in every other picture. Nothing queues: while an answer is on its
// way only the newest question waits.
"use strict";

const $ = (id) => document.getElementById(id);
const get = async (path) => {
  const reply = await fetch(path);
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error);
  return answer;
};

const state = { about: null, episode: 0, step: 0, camera: "", moment: null, pixel: null, pinned: false };
const targets = new Map(); // id -> { figure, canvas, image, found, parts }
const source = { canvas: $("source"), image: null };
let asking = false, wanted = false, others = [];

const live = () => state.about.live !== null;
const sourceInstant = () => state.moment ?? `${state.episode}/${state.step}`;
const sourceId = () => `${sourceInstant()}/${state.camera}`;

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("a picture cannot be loaded; see the terminal"));
    image.src = url;
  });
}

// --- drawing ---------------------------------------------------------------------------------

function heatLayer(found) {
  const [w, h] = found.size;
  const heat = Uint8Array.from(atob(found.heat), (c) => c.charCodeAt(0));
  const pixels = new ImageData(w, h);
  for (let i = 0; i < heat.length; i++) {
    const color = state.about.colors[heat[i]];
    pixels.data.set([color[0], color[1], color[2], 255 * Math.min(1, heat[i] / 120)], 4 * i);
  }
  const layer = document.createElement("canvas");
  layer.width = w;
  layer.height = h;
  layer.getContext("2d").putImageData(pixels, 0, 0);
  return layer;
}

function prepare(canvas, image) {
  const ratio = Math.max(1, window.devicePixelRatio);
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round((width * image.height) / image.width);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  return { context, width, height, scale: width / image.width };
}

function reticle(context, scale, [u, v], color, ring) {
  const x = (u + 0.5) * scale, y = (v + 0.5) * scale;
  const reach = 11 * Math.max(1, window.devicePixelRatio);
  for (const [style, line] of [["rgba(0,0,0,.75)", 4], [color, 2]]) {
    context.strokeStyle = style;
    context.lineWidth = line * Math.max(1, window.devicePixelRatio);
    context.beginPath();
    if (ring) {
      context.arc(x, y, reach * 0.8, 0, 2 * Math.PI);
    } else {
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 0.35 * reach * dx, y + 0.35 * reach * dy);
        context.lineTo(x + 1.3 * reach * dx, y + 1.3 * reach * dy);
      }
    }
    context.stroke();
  }
}

function drawSource() {
  if (!source.image) return;
  const { context, width, height, scale } = prepare(source.canvas, source.image);
  context.drawImage(source.image, 0, 0, width, height);
  if (state.pixel) reticle(context, scale, state.pixel, "#39d353", false);
}

function drawTarget(target) {
  if (!target.image) return;
  const { context, width, height, scale } = prepare(target.canvas, target.image);
  context.filter = target.found ? "grayscale(.6) brightness(.85)" : "none";
  context.drawImage(target.image, 0, 0, width, height);
  context.filter = "none";
  if (!target.found) return;
  context.drawImage(heatLayer(target.found), 0, 0, width, height);
  const truth = target.found.truth;
  if (truth && truth[2] !== "out of view") reticle(context, scale, truth, "#ffffff", true);
  reticle(context, scale, target.found.pixel, "#ff4136", false);
}

function caption(target) {
  const { found, parts } = target;
  parts.likeness.textContent = found ? `${(100 * found.likeness).toFixed(0)}%` : "";
  parts.bar.style.width = found ? `${100 * found.likeness}%` : "0";
  parts.truth.textContent = "";
  parts.truth.className = "";
  if (!found || !found.truth) return;
  const [u, v, what] = found.truth;
  if (what === "visible") {
    const apart = Math.hypot(u - found.pixel[0], v - found.pixel[1]);
    parts.truth.textContent = `${apart.toFixed(1)} px off`;
    parts.truth.className = apart <= 4 ? "good" : "bad";
  } else {
    parts.truth.textContent = what === "hidden" ? "hidden here" : what;
  }
}

// --- asking ----------------------------------------------------------------------------------

async function ask() {
  wanted = true;
  if (asking) return;
  asking = true;
  while (wanted && state.pixel) {
    wanted = false;
    const [u, v] = state.pixel;
    const names = [...targets.keys()].join(",");
    const query = `source=${sourceId()}&u=${u}&v=${v}&targets=${names}&spread=${$("spread").value}`;
    const start = performance.now();
    try {
      const answer = await get(`match?${query}`);
      for (const found of answer.matches) await show(found);
      say(`found in ${(performance.now() - start).toFixed(0)} ms`);
    } catch (error) {
      say(error.message, true);
      if (/is gone/.test(error.message)) await takeMoment();
    }
  }
  asking = false;
}

async function show(found) {
  const target = targets.get(found.id);
  if (!target || found.waiting) return;
  if (found.image) target.image = await loadImage(`data:image/jpeg;base64,${found.image}`);
  target.found = found;
  drawTarget(target);
  caption(target);
}

function forget() {
  state.pixel = null;
  for (const target of targets.values()) {
    target.found = null;
    drawTarget(target);
    caption(target);
  }
  drawSource();
  $("place").innerHTML = "&nbsp;";
}

function look(pixel) {
  const { width, height } = source.image;
  state.pixel = [
    Math.min(width - 1, Math.max(0, pixel[0])), Math.min(height - 1, Math.max(0, pixel[1])),
  ];
  $("place").textContent =
    `Pixel ${state.pixel[0]}, ${state.pixel[1]}${state.pinned ? ", pinned" : ""}`;
  drawSource();
  ask();
}

// --- what is shown ---------------------------------------------------------------------------

function addTarget(id, label) {
  const figure = document.createElement("figure");
  figure.innerHTML = `<canvas></canvas><figcaption><div><b></b><span></span></div>
    <div class="bar"><i></i></div><div><span>likeness</span><span></span></div></figcaption>`;
  const [truth, , likeness] = figure.querySelectorAll("span");
  figure.querySelector("b").textContent = label;
  const canvas = figure.querySelector("canvas");
  const target = { figure, canvas, image: null, found: null };
  target.parts = { truth, likeness, bar: figure.querySelector("i") };
  canvas.addEventListener("click", (event) => lookFrom(id, event));
  targets.set(id, target);
  $("targets").append(figure);
  if (id.startsWith("live/")) return;
  loadImage(`image?id=${id}`).then((image) => { target.image = image; drawTarget(target); })
    .catch((error) => say(error.message, true));
}

function arrange() {
  targets.clear();
  $("targets").replaceChildren();
  const { cameras } = state.about;
  if (live()) for (const c of cameras) addTarget(`live/${c}`, `Now, ${c}`);
  for (const c of cameras) {
    if (c !== state.camera) addTarget(`${sourceInstant()}/${c}`, `Same moment, ${c}`);
  }
  for (const { episode, step } of others) {
    if (`${episode}/${step}` === sourceInstant()) continue;
    for (const c of cameras) {
      addTarget(`${episode}/${step}/${c}`, `Episode ${episode}, step ${step}, ${c}`);
    }
  }
}

async function shuffle() {
  const count = state.about.episodes.length;
  const chosen = new Set();
  const wished = Math.min(live() ? 2 : 4, count - 1);
  const first = state.about.first;
  const pool = count - first > wished ? first : 0;
  while (chosen.size < wished) {
    const number = pool + Math.floor(Math.random() * (count - pool));
    if (number !== state.episode) chosen.add(number);
  }
  others = await Promise.all([...chosen].map(async (episode) => {
    const { steps } = await get(`episode?number=${episode}`);
    return { episode, step: Math.floor(Math.random() * steps) };
  }));
  arrange();
  if (state.pixel) ask();
}

async function setSource() {
  for (const button of $("cameras").children) {
    button.setAttribute("aria-pressed", String(button.textContent === state.camera));
  }
  if (state.moment === null) {
    const { steps } = await get(`episode?number=${state.episode}`);
    state.step = Math.min(state.step, steps - 1);
    $("step").max = steps - 1;
    $("step").value = state.step;
    $("at").textContent = state.step;
    $("episode").value = state.episode;
    $("name").textContent = state.about.episodes[state.episode];
  } else {
    $("name").textContent = "a moment of the running cameras";
  }
  source.image = await loadImage(`image?id=${sourceId()}`);
  arrange();
  drawSource();
  if (state.pixel) look(state.pixel);
}

const change = (values) => {
  Object.assign(state, values);
  return setSource().catch((error) => say(error.message, true));
};

async function takeMoment() {
  state.about = await get("about");
  if (live()) await change({ moment: `live/${state.about.live}`, pinned: false });
}

function lookFrom(id, event) {
  const target = targets.get(id);
  const pixel = pixelOf(event, target.canvas, target.image);
  if (!target.image || id.startsWith("live/")) return;
  const [episode, step, camera] = id.split("/");
  state.pixel = pixel;
  state.pinned = true;
  const moment = episode === "live" ? `live/${step}` : null;
  const at = moment ? {} : { episode: Number(episode), step: Number(step) };
  change({ ...at, moment, camera });
}

// --- the user --------------------------------------------------------------------------------

function pixelOf(event, canvas, image) {
  const box = canvas.getBoundingClientRect();
  return [
    Math.floor(((event.clientX - box.left) / box.width) * image.width),
    Math.floor(((event.clientY - box.top) / box.height) * image.height),
  ];
}

function listen() {
  const canvas = source.canvas;
  canvas.addEventListener("pointermove", (event) => {
    if (!state.pinned && source.image) look(pixelOf(event, canvas, source.image));
  });
  canvas.addEventListener("click", (event) => {
    if (!source.image) return;
    state.pinned = true;
    look(pixelOf(event, canvas, source.image));
  });
  document.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Escape") {
      state.pinned = false;
      forget();
    } else if (moves[event.key] && state.pixel && document.activeElement.tagName !== "INPUT") {
      event.preventDefault();
      const [du, dv] = moves[event.key];
      state.pinned = true;
      look([state.pixel[0] + du, state.pixel[1] + dv]);
    }
  });
  const last = state.about.episodes.length - 1;
  const go = (number) =>
    change({ episode: Math.min(last, Math.max(0, number)), moment: null });
  $("previous").onclick = () => go(state.episode - 1);
  $("next").onclick = () => go(state.episode + 1);
  $("episode").onchange = () => go(Number($("episode").value));
  $("episode").max = last;
  $("step").oninput = () => change({ step: Number($("step").value), moment: null });
  $("spread").oninput = () => state.pixel && ask();
  $("shuffle").onclick = () => shuffle().catch((error) => say(error.message, true));
  $("now").onclick = takeMoment;
  window.addEventListener("resize", () => {
    drawSource();
    for (const target of targets.values()) drawTarget(target);
  });
}

async function waitForCameras() {
  while (!live()) {
    say("waiting for the cameras");
    await new Promise((resolve) => setTimeout(resolve, 300));
    state.about = await get("about");
  }
  say("");
}

async function begin() {
  state.about = await get("about");
  const { title, cameras, episodes, first, running } = state.about;
  $("title").textContent = title;
  Object.assign(state, { episode: first, camera: cameras[0] });
  for (const camera of cameras) {
    const button = document.createElement("button");
    button.textContent = camera;
    button.onclick = () => change({ camera });
    $("cameras").append(button);
  }
  for (const id of ["episodes", "steps", "shuffle"]) $(id).hidden = !episodes.length;
  if (running && !live()) {
    const coming = waitForCameras().then(() => { $("now").hidden = false; });
    if (episodes.length) coming.then(arrange);
    else await coming;
  }
  $("now").hidden = !live();
  if (!episodes.length) state.moment = `live/${state.about.live}`;
  listen();
  await setSource();
  if (episodes.length > 1) await shuffle();
  const at = /^#(\d+),(\d+)$/.exec(location.hash); // a link to a pixel: #80,60
  if (at) {
    state.pinned = true;
    look([Number(at[1]), Number(at[2])]);
  }
  if (running) setInterval(() => live() && state.pixel && !asking && ask(), 150);
}

begin().catch((error) => say(error.message, true));
