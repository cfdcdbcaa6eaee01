// The cameras' pictures, with keypoints and target where each camera sees them.
const tiles = new Map(); // name -> { figure, canvas, count, asking, picture }

function tile(name) {
  if (tiles.has(name)) return tiles.get(name);
  const figure = document.createElement("figure");
  figure.dataset.camera = name;
  figure.innerHTML = "<canvas></canvas><figcaption><b></b><span></span></figcaption>";
  figure.querySelector("b").textContent = name;
  const canvas = figure.querySelector("canvas");
  const made = { figure, canvas, count: -1, asking: false, picture: null };
  tiles.set(name, made);
  document.getElementById("cameras").append(figure);
  return made;
}

async function load(name, made, count) {
  made.asking = true;
  try {
    const reply = await fetch(`image?view=${encodeURIComponent(name)}`);
    const blob = await reply.blob();
    if (!reply.ok || !blob.size) return;
    made.picture = await createImageBitmap(blob);
    made.count = count;
    made.figure.dataset.pictures = 1 + Number(made.figure.dataset.pictures ?? 0);
  } catch { // the next state says what is wrong
  } finally {
    made.asking = false;
  }
}

// Where a camera sees a point of base: relative to its picture's size, or null behind it.
function seen(camera, point) {
  const [T, K] = [camera.T, camera.K];
  const d = [0, 1, 2].map((i) => point[i] - T[i][3]);
  const [x, y, z] = [0, 1, 2].map((j) => T[0][j] * d[0] + T[1][j] * d[1] + T[2][j] * d[2]);
  if (z < 0.01) return null;
  const [w, h] = camera.size;
  return [(K[0] * x / z + K[2] + 0.5) / w, (K[1] * y / z + K[3] + 0.5) / h];
}

function draw(made, camera, dots) {
  const { canvas, picture } = made;
  const width = Math.round(canvas.clientWidth * Math.min(2, window.devicePixelRatio));
  const height = Math.round(picture ? (width * picture.height) / picture.width : 0.75 * width);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!picture) return context.clearRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  let shown = 0;
  for (const dot of camera?.T && camera.K && camera.size ? dots : []) {
    const at = seen(camera, dot.point);
    if (!at || at.some((v) => v < 0 || v > 1)) continue;
    context.beginPath();
    context.arc(at[0] * width, at[1] * height, dot.ring ? 8 : 4.5, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = dot.ring ? dot.color : "rgba(0, 0, 0, .7)";
    context.fillStyle = dot.color;
    if (!dot.ring) context.fill();
    context.stroke();
    shown += 1;
  }
  made.figure.dataset.dots = shown;
}

function caption(made, view) {
  const old = view.age_s === null || view.age_s > 1;
  made.figure.classList.toggle("old", old);
  const text = view.error || (view.age_s === null ? "no picture yet" :
    old ? `nothing for ${view.age_s.toFixed(0)} s` : view.size ? view.size.join(" × ") : "");
  made.figure.querySelector("span").textContent = text;
}

// dots: [{ point, color, ring }] in base.
export async function show(state, dots, withOverlay) {
  const views = Object.entries(state.cameras);
  if (withOverlay) views.push(["overlay", state.overlay]);
  else if (tiles.has("overlay")) {
    tiles.get("overlay").figure.remove();
    tiles.delete("overlay");
  }
  await Promise.all(views.map(async ([name, view]) => {
    const made = tile(name);
    if (view.count && made.count !== view.count && !made.asking) await load(name, made, view.count);
    caption(made, view);
    draw(made, name === "overlay" ? null : view, dots);
  }));
}
