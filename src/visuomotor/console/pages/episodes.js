// The recorded episodes: relabelled, put into the trash, brought back.
import { cell, fill } from "./tables.js";

const $ = (id) => document.getElementById(id);
let trash = false, known = { episodes: [], trash: [], partial: [], dataset: "" };
let change = async () => {}, recorded = "";

// Where the recorder writes: another folder than the one listed here is worth a word.
export function compare(dataset) {
  recorded = dataset ?? "";
}

function make(item) {
  const row = document.createElement("tr");
  const outcome = document.createElement("select");
  for (const name of ["success", "failure", "unknown"]) outcome.append(new Option(name, name));
  outcome.ariaLabel = `Outcome of ${item.name}`;
  outcome.onchange = () => change({ name: item.name, do: "label", outcome: outcome.value });
  const button = document.createElement("button");
  button.textContent = trash ? "Restore" : "Discard";
  button.onclick = () => change({ name: item.name, do: trash ? "restore" : "discard" });
  const cells = ["", "", "", "number", "number", "number", "number", ""].map((kind) => cell("", kind));
  cells[1].append(outcome);
  cells[7].append(button);
  row.append(...cells);
  return row;
}

function update(row, item) {
  const tags = item.tags?.length ? ` (${item.tags.join(", ")})` : "";
  const texts = [item.error ? `${item.name}: ${item.error}` : item.name + tags, null, item.operator,
    item.sets, item.duration_s, item.mb, item.drops, null];
  texts.forEach((text, i) => { if (text !== null) row.children[i].textContent = text ?? ""; });
  const outcome = row.querySelector("select");
  if (document.activeElement !== outcome) outcome.value = item.outcome ?? "unknown";
  outcome.className = outcome.value;
  outcome.disabled = trash;
  row.className = item.error ? "bad" : "";
}

function draw() {
  $("show-kept").textContent = `Kept ${known.episodes.length}`;
  $("show-trash").textContent = `Trash ${known.trash.length}`;
  $("show-kept").ariaPressed = String(!trash);
  $("show-trash").ariaPressed = String(trash);
  const unfinished = known.partial.length ? `, ${known.partial.length} being recorded or unfinished` : "";
  const elsewhere = recorded && recorded !== known.dataset ? `; the recorder writes to ${recorded}` : "";
  $("dataset").textContent = `${known.dataset}${unfinished}${elsewhere}`;
  fill($("episode-rows"), trash ? known.trash : known.episodes, (e) => `${trash} ${e.name}`, make, update,
    trash ? "the trash is empty" : "no episode yet");
}

export async function refresh() {
  const reply = await fetch("episodes");
  if (!reply.ok) return;
  known = await reply.json();
  draw();
}

export function begin(send) {
  change = async (values) => { await send("episode", values); await refresh(); };
  for (const [id, wanted] of [["show-kept", false], ["show-trash", true]]) {
    $(id).onclick = () => { trash = wanted; draw(); };
  }
}
