// Asks for the state five times a second, shows it, and sends what the buttons mean.
import * as cameras from "./cameras.js";
import * as drawing from "./drawing.js";
import * as episodes from "./episodes.js";
import { Scene } from "./scene.js";
import { streams } from "./tables.js";

const $ = (id) => document.getElementById(id);
const PERIOD_MS = 200, CLOUD_MS = 500, EPISODES_MS = 3000, ENABLE_MS = 50, PATIENCE_MS = 4000;
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let scene = null, arm = null, state = null, edited = new Set();

function say(text, bad = false) {
  const line = document.createElement("li");
  const short = text.replace(/\/\S*\/([^/\s]+\/[^/\s]+)$/, "$1"); // of an episode's path its name
  line.textContent = `${new Date().toLocaleTimeString([], { hour12: false })} ${short}`;
  line.title = text;
  line.classList.toggle("bad", bad);
  $("said").prepend(line);
  while ($("said").children.length > 8) $("said").lastChild.remove();
}

async function post(path, values) {
  const reply = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values),
  });
  const text = await reply.text();
  let answer;
  try { answer = JSON.parse(text); } catch { throw new Error(text); }
  if (!reply.ok) throw new Error(answer.error);
  return answer;
}

async function send(path, values) {
  try {
    say((await post(path, values)).said);
  } catch (error) {
    say(error.message, true);
  }
}

// --- what is shown ---------------------------------------------------------------------------

function showMachine({ bridge }) {
  const now = bridge && !bridge.silent ? bridge.values.state : "";
  for (const item of $("machine").children) {
    if (item.dataset.state === now) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
  $("reason").textContent = !bridge ? "no bridge is up" : bridge.silent ? "the bridge is silent" :
    bridge.values.reason || (bridge.values.owner ? `by ${bridge.values.owner}` : "");
  $("reason").title = Object.entries(state.counters?.values ?? {}).map((c) => c.join(": ")).join("\n");
}

function showNode(id, report, text, on = "") {
  const up = report && !report.silent;
  $(`${id}-state`).textContent = !report ? "not up" : up ? text : "silent";
  $(`${id}-state`).className = up ? on : "";
}

function showNodes() {
  const { recorder, policy, sim } = state;
  const r = recorder?.values ?? {}, p = policy?.values ?? {}, s = sim?.values ?? {};
  const recording = r.state === "recording";
  showNode("recorder", recorder, recording ? `recording, ${r.sets} sets` : r.state ?? "", recording ? "on" : "");
  const drops = Object.entries(r).filter(([key]) => key.startsWith("drops/")).map(([k, n]) => `${n} ${k.slice(6)}`);
  $("recorder-more").textContent = r.error || [r.episode?.split("/").slice(-2).join("/"), r.disk_free_mb &&
    `${(r.disk_free_mb / 1000).toFixed(0)} GB free`, drops.length && `lost ${drops.join(", ")}`]
    .filter(Boolean).join("; ");
  $("recorder-more").classList.toggle("bad", Boolean(r.error));
  for (const name of ["task", "operator"]) {
    const known = state.recording_as[name];
    if (!edited.has(name) && known !== undefined) $(name).value = known;
  }
  episodes.compare(state.recording_as.dataset);
  showNode("policy", policy, p.active === "True" ? "acting" : "stopped", p.active === "True" ? "good" : "");
  $("policy-more").textContent = !policy ? "" : [policy.level ? policy.message : "", p.latency_p95_ms &&
    `latency p95 ${Number(p.latency_p95_ms).toFixed(0)} ms`, `${p.steps} steps`].filter(Boolean).join("; ");
  $("policy-more").classList.toggle("bad", policy?.level > 0);
  $("simulation").hidden = !state.services["sim/reset"];
  showNode("sim", sim, s.success === "True" ? "solved" : `${s.task ?? ""}, seed ${s.seed ?? ""}`,
    s.success === "True" ? "good" : "");
}

function showServices() {
  for (const button of document.querySelectorAll("[data-service]")) {
    const offered = state.services[button.dataset.service];
    button.disabled = !offered;
    button.dataset.hint ??= button.title;
    button.title = offered ? button.dataset.hint : `nobody offers ${button.dataset.service} now`;
  }
}

function showSpace() {
  const dots = $("show-keypoints").checked ? drawing.followed(state.scene) : [];
  cameras.show(state, dots, $("show-overlay").checked);
  $("show-overlay").parentElement.hidden = !state.overlay.offered && !state.overlay.count;
  if (!scene) return;
  arm.update(state.scene.links);
  drawing.cameras(scene, state.cameras);
  drawing.target(scene, state.scene.target, state.scene.width_m);
  drawing.workspace(scene, state.scene.workspace, $("show-box").checked);
  drawing.keypoints(scene, dots, $("show-keypoints").checked ? state.scene.markers : []);
  scene.draw();
}

function show() {
  showMachine(state);
  showServices();
  showNodes();
  showSpace();
  streams($("stream-rows"), state.streams);
  $("streams-note").textContent = Object.entries(state.others).filter(([, o]) => o.level || o.silent)
    .map(([name, o]) => `${name}: ${o.silent ? "silent" : o.message}`).join("; ");
}

function lost(error) {
  document.body.classList.toggle("lost", Boolean(error));
  $("alarm").hidden = !error;
  if (!error) return;
  $("alarm").textContent = `No answer from the console: what you see is old (${error.message})`;
}

// --- asking ----------------------------------------------------------------------------------

async function every(ms, work, failed = () => {}) {
  for (;;) {
    const start = performance.now();
    if (!document.hidden) await work().catch(failed);
    await rest(Math.max(20, ms - (performance.now() - start)));
  }
}

async function takeState() {
  const reply = await fetch(`state?overlay=${$("show-overlay").checked ? 1 : 0}`,
    { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!reply.ok) throw new Error(await reply.text());
  state = await reply.json();
  lost(null);
  show();
}

async function takeClouds() {
  if (!scene || !state) return;
  for (const [name, view] of Object.entries(state.cameras)) {
    if (!$("show-cloud").checked || view.age_s === null || view.age_s > 1) {
      scene.remove(`cloud-${name}`);
      continue;
    }
    const reply = await fetch(`cloud?view=${encodeURIComponent(name)}`);
    if (reply.ok) drawing.cloud(scene, name, await reply.arrayBuffer());
  }
}

// --- the operator ----------------------------------------------------------------------------

// A dead-man: while the pointer is down, one message after the other, each after the answer to the
// one before. Let go, a lost connection or a hidden page: silence.
function holdToEnable(button) {
  let hold = null;
  const end = () => {
    const ended = hold;
    hold = null;
    button.classList.remove("held");
    if (ended?.name) post("enable", { do: "release", hold: ended.name }).catch(() => {});
  };
  button.addEventListener("pointerdown", async (event) => {
    if (event.button !== 0 || hold) return;
    button.setPointerCapture(event.pointerId);
    const mine = hold = { name: "" };
    button.classList.add("held");
    try {
      mine.name = (await post("enable", { do: "press" })).hold;
      if (hold !== mine) return void post("enable", { do: "release", hold: mine.name }).catch(() => {});
      while (hold === mine) {
        const start = performance.now();
        await post("enable", { do: "keep", hold: mine.name });
        await rest(Math.max(0, ENABLE_MS - (performance.now() - start)));
      }
    } catch (error) {
      say(error.message, true);
      if (hold === mine) end();
    }
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(name, end);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  window.addEventListener("blur", end);
  window.addEventListener("pagehide", end);
  document.addEventListener("visibilitychange", () => document.hidden && end());
}

function listen() {
  const own = {
    start: () => send("record", { task: $("task").value.trim(), operator: $("operator").value.trim() }),
    "sim-reset": async () => {
      await send("scene", { seed: Number($("seed").value) });
      $("seed").value = Number($("seed").value) + 1;
    },
  };
  for (const button of document.querySelectorAll("[data-service]")) {
    const act = own[button.id] ?? (() => send("call", { service: button.dataset.service }));
    button.onclick = async () => {
      await act();
      episodes.refresh().catch(() => {});
    };
  }
  for (const name of ["task", "operator"]) $(name).oninput = () => edited.add(name);
  $("look-again").onclick = () => scene?.reset();
  holdToEnable($("enable"));
  episodes.begin(send);
}

async function begin() {
  listen();
  try {
    scene = new Scene($("scene"), $("labels"));
    drawing.ground(scene);
    arm = new drawing.Arm(scene, await (await fetch("arm")).json());
  } catch (error) {
    scene = null;
    say(error.message, true);
  }
  every(PERIOD_MS, takeState, lost);
  every(CLOUD_MS, takeClouds);
  every(EPISODES_MS, episodes.refresh);
}

begin();
