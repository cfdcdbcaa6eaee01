// A box per body: press, drag, let go; the next body is asked for by itself.
const COLOURS = ["#d97706", "#0891b2", "#c026d3", "#4d7c0f"];
const $ = (id) => document.getElementById(id);
const boxes = new Map();
let state, body = "", from = null;

async function ask(path, options) {
  const reply = await fetch(path, options);
  const text = await reply.text();
  if (!reply.ok) throw new Error(text.startsWith("{") ? JSON.parse(text).error : text);
  return JSON.parse(text);
}

function alarm(error) {
  $("alarm").textContent = error ? String(error.message ?? error) : "";
  $("alarm").hidden = !error;
}

function place(event) {
  const area = $("stage").getBoundingClientRect(), [width, height] = state.size;
  const clip = (v, most) => Math.min(Math.max(v, 0), most);
  return [clip((event.clientX - area.x) / area.width * width, width),
    clip((event.clientY - area.y) / area.height * height, height)];
}

function element(name, colour, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  made.style.setProperty("--colour", colour); // an attribute would be refused
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

const colour = (name) => COLOURS[state.bodies.indexOf(name) % COLOURS.length];

function draw() {
  $("drawn").setAttribute("viewBox", `0 0 ${state.size[0]} ${state.size[1]}`);
  $("drawn").replaceChildren(...[...boxes].flatMap(([name, [x1, y1, x2, y2]]) => {
    const own = colour(name), x = Math.min(x1, x2), y = Math.min(y1, y2);
    const size = { width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) };
    return [element("rect", own, { x, y, ...size }),
      element("text", own, { x: x + 2, y: Math.max(y - 3, 9), "font-size": 10 }, name)];
  }));
  for (const button of $("bodies").children) {
    button.setAttribute("aria-pressed", button.dataset.body === body);
  }
  const lacking = state.needed.filter((name) => !boxes.has(name));
  $("take").disabled = lacking.length > 0;
  $("said").textContent = lacking.length ? `still without a box: ${lacking.join(", ")}`
    : "look at the boxes, then take them";
}

function show(number) {
  $("number").textContent = number;
  $("picture").src = `frame?n=${number}`;
  boxes.clear();
  body = state.bodies[0];
  draw();
}

$("stage").addEventListener("pointerdown", (event) => {
  from = place(event);
  $("stage").setPointerCapture(event.pointerId);
  event.preventDefault();
});
$("stage").addEventListener("pointermove", (event) => {
  if (!from) return;
  boxes.set(body, [...from, ...place(event)]);
  draw();
});
$("stage").addEventListener("pointerup", () => {
  from = null;
  body = state.bodies.find((name) => !boxes.has(name)) ?? body;
  draw();
});
$("frame").addEventListener("input", () => show(Number($("frame").value)));
$("take").addEventListener("click", async () => {
  const values = { frame: Number($("frame").value), boxes: Object.fromEntries(boxes) };
  try {
    const headers = { "Content-Type": "application/json" };
    const reply = await ask("boxes", { method: "POST", headers, body: JSON.stringify(values) });
    alarm(null);
    $("said").textContent = reply.said;
    $("take").disabled = true;
  } catch (error) { alarm(error); }
});

state = await ask("state").catch((error) => { alarm(error); throw error; });
$("title").textContent = state.title;
$("frame").max = state.frames - 1;
$("bodies").replaceChildren(...state.bodies.map((name) => {
  const button = document.createElement("button");
  button.textContent = state.needed.includes(name) ? name : `${name} (if there is one)`;
  button.dataset.body = name;
  button.style.setProperty("--colour", colour(name));
  button.addEventListener("click", () => { body = name; draw(); });
  return button;
}));
show(0);
