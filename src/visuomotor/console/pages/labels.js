// Pictures by the page, a key each: everything is shown at once and sent in the background.
import { begin, send } from "./label_queue.js";
import { show } from "./label_tiles.js";

const SIZES = [[1, 1], [2, 1], [2, 2], [3, 2], [4, 3], [5, 4], [6, 5]]; // columns and rows
const COLOURS = ["#0a7d5a", "#c2410c", "#1f6feb", "#8b3fc7", "#a16207", "#0e7490", "#be185d",
  "#4d7c0f", "#5d6168"];
const $ = (id) => document.getElementById(id);
let pictures = [], labels = [], at = 0, size = 4, places = new Map();

const grid = () => (innerWidth < innerHeight ? [...SIZES[size]].reverse() : SIZES[size]);
const shown = () => grid()[0] * grid()[1];
const first = () => Math.floor(at / shown()) * shown();
const page = (from) => pictures.slice(from, from + shown());
const open = (entry) => entry && !entry.label && !entry.skipped;
const colour = (label) => COLOURS[labels.indexOf(label)] ?? "#5d6168";

function nextOpen(from) {
  const later = pictures.findIndex((entry, i) => i >= from && open(entry));
  return later >= 0 ? later : pictures.findIndex(open);
}

function draw() {
  const done = pictures.filter((entry) => entry.label).length;
  const skipped = pictures.filter((entry) => entry.skipped && !entry.label && !entry.broken).length;
  const broken = pictures.filter((entry) => entry.broken).length;
  const more = [skipped && `${skipped} skipped`, broken && `${broken} broken`].filter(Boolean);
  $("progress").textContent = [`${done} of ${pictures.length} labelled`, ...more].join(", ");
  $("bar").value = pictures.length ? (done + skipped + broken) / pictures.length : 0;
  $("at-once").textContent = shown();
  $("done").hidden = pictures.some(open);
  show($("tiles"), page(first()), page(first() + shown()), pictures[at]?.id, grid()[0],
    { colour, choose: (id) => { at = places.get(id); draw(); }, broke });
}

function broke(id, why) {
  const entry = pictures[places.get(id)];
  if (entry.broken) return;
  Object.assign(entry, { broken: why, skipped: true });
  if (pictures[at] === entry) advance();
  draw();
}

function advance() {
  const next = nextOpen(at + 1);
  if (next >= 0) at = next;
}

function give(label, entries) {
  if (!entries.length) return;
  for (const entry of entries) Object.assign(entry, { label, skipped: false });
  send("label", { pictures: entries.map((entry) => entry.id), label });
  advance();
  draw();
}

function rest() {
  return page(first()).filter(open);
}

function skip() {
  const entry = pictures[at];
  if (!entry) return;
  entry.skipped = true;
  send("skip", { pictures: [entry.id] });
  advance();
  draw();
}

function move(by) {
  at = Math.max(0, Math.min(pictures.length - 1, at + by));
  draw();
}

function resize(by) {
  size = Math.max(0, Math.min(SIZES.length - 1, size + by));
  draw();
}

function count(reply) {
  const most = Math.max(1, ...Object.values(reply.counts));
  for (const [i, label] of labels.entries()) {
    const element = $("labels").children[i];
    const n = reply.counts[label] ?? 0;
    element.querySelector(".count").textContent = n;
    element.querySelector(".share i").style.width = `${(100 * n) / most}%`;
  }
  $("warning").textContent = reply.warning;
  $("warning").hidden = !reply.warning;
  $("folder").textContent = `into ${reply.folder}`;
}

function told(reply, values) {
  const said = reply.error || reply.said;
  $("alarm").textContent = said || "";
  $("alarm").hidden = !said;
  if (reply.error) return void load();
  for (const entry of reply.pictures) Object.assign(pictures[places.get(entry.id)] ?? {}, entry);
  if (!values.pictures && reply.pictures.length) at = places.get(reply.pictures[0].id); // undone
  count(reply);
  draw();
}

function silence(waiting) {
  if (waiting || $("alarm").dataset.silence) $("alarm").hidden = !waiting;
  $("alarm").dataset.silence = waiting ? "1" : "";
  $("alarm").textContent = waiting ? `The labeller does not answer: ${waiting} of your answers ` +
    "wait in this page. Start it again with the same words, and they are written." : "";
}

function build() {
  $("labels").replaceChildren(...labels.map((label, i) => {
    const group = document.createElement("div");
    group.className = "label";
    group.style.setProperty("--colour", colour(label));
    group.innerHTML = '<button><kbd></kbd><b></b><span class="count">0</span><span class="share"><i></i></span></button>' +
      "<button>rest</button>";
    group.querySelector("kbd").textContent = i + 1;
    group.querySelector("b").textContent = label;
    const [one, all] = group.querySelectorAll("button");
    one.onclick = () => give(label, [pictures[at]].filter(Boolean));
    all.onclick = () => give(label, rest());
    all.title = `All pictures here without a label: ${label} (Shift + ${i + 1})`;
    return group;
  }));
}

async function load() {
  const state = await (await fetch("state")).json();
  ({ pictures, labels } = state);
  places = new Map(pictures.map((entry, i) => [entry.id, i]));
  at = Math.max(0, nextOpen(0));
  document.title = `Label ${state.title}`;
  $("title").textContent = state.title;
  $("done").textContent = `Every picture was asked. Next: visuomotor weak check ${state.folder}`;
  build();
  count(state);
  draw();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1] ?? (/^[1-9]$/.test(event.key) ? event.key : null);
  const all = event.shiftKey && event.key !== digit; // on some keyboards a digit needs Shift
  const columns = grid()[0];
  const keys = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => move(-columns),
    ArrowDown: () => move(columns), PageUp: () => move(-shown()), PageDown: () => move(shown()),
    Home: () => { at = Math.max(0, nextOpen(0)); draw(); }, " ": skip, s: skip,
    u: () => send("undo", {}), "+": () => resize(1), "=": () => resize(1), "-": () => resize(-1) };
  if (digit && labels[digit - 1]) give(labels[digit - 1], all ? rest() : [pictures[at]].filter(Boolean));
  else if (keys[event.key] ?? keys[event.key.toLowerCase()]) (keys[event.key] ?? keys[event.key.toLowerCase()])();
  else return;
  event.preventDefault();
});
addEventListener("resize", draw);
addEventListener("click", (event) => { // or Enter would press the button again
  if (event.detail) event.target.closest("button")?.blur();
});
$("fewer").onclick = () => resize(-1);
$("more").onclick = () => resize(1);
begin(told, silence);
load();
