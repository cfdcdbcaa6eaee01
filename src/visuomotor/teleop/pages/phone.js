"use strict";
// Tells the server which buttons are down and where the phone is; it decides what that means.

const SEND_PERIOD_MS = 30;
const PAD_M_PER_PX = 0.001; // of a drag, where there is no tracking

const ENDS = ["pointerup", "pointercancel", "lostpointercapture"];

const $ = (id) => document.getElementById(id);
const touched = new Set(); // what holds the clutch where there is no tracking
const down = { clutch: false, gripper: false, policy: false };
let echo = null; // the newest stamp of the server
let pose = null; // {position, quat_xyzw} in WebXR's axes: x right, y up, z backwards
let session = null;
let socket = null;
let sentAt = 0;

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/ws${location.search}`);
  echo = null;
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    echo = message.stamp;
    show(message.text || "connected");
  };
  socket.onclose = (event) => {
    release(); // after a break the operator takes hold again
    show(event.reason || "not connected");
    setTimeout(connect, 1000);
  };
}

function show(text) {
  $("state").textContent = text;
  const kinds = { moving: "moving", policy: "policy" };
  const open = socket.readyState === WebSocket.OPEN;
  $("light").className = kinds[text] || (open ? "on" : "off");
}

function send(now = false) {
  if (!socket || socket.readyState !== WebSocket.OPEN || echo === null) return;
  const time = performance.now();
  if (!now && time - sentAt < SEND_PERIOD_MS) return;
  sentAt = time;
  socket.send(JSON.stringify({ ...down, ...(pose || {}), echo }));
}

function press(name, is) {
  if (down[name] === is) return;
  down[name] = is;
  $(name).classList.toggle("down", is);
  send(true); // a change never waits
}

function release() {
  touched.clear();
  for (const name of Object.keys(down)) press(name, false);
}

for (const name of Object.keys(down)) {
  const button = $(name);
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    press(name, true);
  });
  for (const end of ENDS) {
    button.addEventListener(end, () => press(name, false));
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("beforexrselect", (event) => event.preventDefault());
}
for (const event of ["blur", "pagehide"]) addEventListener(event, release);
document.addEventListener("visibilitychange", () => document.hidden && release());

// Tracking: the phone's own pose, by WebXR.
async function start() {
  try {
    session = await navigator.xr.requestSession("immersive-ar", {
      requiredFeatures: ["local", "dom-overlay"],
      domOverlay: { root: document.body },
    });
  } catch (error) {
    $("hint").textContent = `no tracking: ${error.message}`;
    return;
  }
  $("start").hidden = true;
  $("hint").textContent = "Hold the green button and move the phone; let go to stop.";
  pose = null;
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl", { xrCompatible: true });
  await session.updateRenderState({ baseLayer: new XRWebGLLayer(session, gl) });
  const space = await session.requestReferenceSpace("local");
  session.onend = () => {
    session = null;
    pose = null;
    release();
    $("start").hidden = false;
  };
  session.onvisibilitychange = () => session.visibilityState === "visible" || release();
  const frame = (_, state) => {
    if (!session) return;
    session.requestAnimationFrame(frame);
    gl.bindFramebuffer(gl.FRAMEBUFFER, session.renderState.baseLayer.framebuffer);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const viewer = state.getViewerPose(space);
    if (viewer && !viewer.emulatedPosition) {
      const { position: p, orientation: q } = viewer.transform;
      pose = { position: [p.x, p.y, p.z], quat_xyzw: [q.x, q.y, q.z, q.w] };
    } else {
      pose = null; // lost: the server lets go
    }
    send();
  };
  session.requestAnimationFrame(frame);
}

// The clutch is held while the element is touched.
function holds(element) {
  const set = (is) => {
    if (is) touched.add(element);
    else touched.delete(element);
    press("clutch", touched.size > 0);
  };
  element.addEventListener("pointerdown", () => set(true));
  for (const end of ENDS) element.addEventListener(end, () => set(false));
}

// Without tracking: pads whose drags are the phone's motion, and whose touch is the clutch.
function usePads() {
  $("pads").hidden = false;
  $("clutch").hidden = true;
  const position = [0, 0, 0];
  pose = { position, quat_xyzw: [0, 0, 0, 1] };
  const drag = (pad, move) => {
    let last = null;
    holds(pad);
    pad.addEventListener("pointerdown", (event) => {
      pad.setPointerCapture(event.pointerId);
      last = [event.clientX, event.clientY];
    });
    pad.addEventListener("pointermove", (event) => {
      if (last === null) return;
      move((event.clientX - last[0]) * PAD_M_PER_PX, (event.clientY - last[1]) * PAD_M_PER_PX);
      last = [event.clientX, event.clientY];
      send();
    });
    for (const end of ENDS) {
      pad.addEventListener(end, () => { last = null; });
    }
  };
  drag($("plane"), (x, y) => { position[0] += x; position[2] += y; });
  drag($("lift"), (_, y) => { position[1] -= y; });
  holds($("gripper")); // one finger, or a mouse, cannot hold a pad as well
}

async function setUp() {
  const xr = navigator.xr && (await navigator.xr.isSessionSupported("immersive-ar").catch(() => 0));
  if (xr) {
    $("start").hidden = false;
    $("start").onclick = start;
    $("hint").textContent = "Look along the arm's x axis, then start. The clutch takes hold here.";
  } else {
    $("hint").textContent = "This browser does not track the phone (WebXR): drag on the pads.";
    usePads();
  }
  connect();
  setInterval(send, SEND_PERIOD_MS); // says that it is there, also where no frames come
}
setUp();
