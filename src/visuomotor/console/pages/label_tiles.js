// The pictures that are seen at once, each in a tile, and those of the next page in advance.
const KEPT = 90; // pictures in memory
const pictures = new Map(); // id -> { url } or { why }, the latest last
const asked = new Map(); // id -> promise

async function load(id, px) {
  const reply = await fetch(`image?id=${encodeURIComponent(id)}&px=${px}`);
  if (!reply.ok) return { why: (await reply.json()).error };
  return { url: URL.createObjectURL(await reply.blob()), px };
}

function picture(id, px, after) {
  const known = pictures.get(id);
  if (known && (known.why || known.px >= px)) return known;
  if (!asked.has(id)) {
    asked.set(id, load(id, px).then((made) => {
      if (pictures.get(id)?.url) URL.revokeObjectURL(pictures.get(id).url);
      pictures.delete(id);
      pictures.set(id, made);
      for (const [old, { url }] of pictures) {
        if (pictures.size <= KEPT) break;
        if (url) URL.revokeObjectURL(url);
        pictures.delete(old);
      }
      after(id, made);
    }, () => {}).finally(() => asked.delete(id)));
  }
  return known ?? {};
}

function make(entry, choose) {
  const figure = document.createElement("figure");
  figure.dataset.id = entry.id;
  figure.innerHTML = '<img alt="" draggable="false"><span class="chip"></span><figcaption></figcaption>';
  figure.querySelector("figcaption").textContent = `\u200e${entry.where}`;
  figure.querySelector("img").alt = entry.where;
  figure.onclick = () => choose(entry.id);
  return figure;
}

function fill(figure, found) {
  const image = figure.querySelector("img");
  if (found.url && image.src !== found.url) image.src = found.url;
  image.hidden = !found.url;
  if (found.why && !figure.querySelector(".why")) {
    const why = document.createElement("p");
    why.className = "why";
    why.textContent = found.why;
    figure.prepend(why);
  }
}

// entries: of this page; next: of the one after; colour(label): its colour; broke(id, why).
export function show(board, entries, next, current, columns, { colour, choose, broke }) {
  const rows = Math.ceil(entries.length / columns);
  board.style.gridTemplate = `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))`;
  const cell = Math.max(board.clientWidth / columns, board.clientHeight / rows, 160);
  const px = Math.min(1600, Math.ceil((cell * Math.min(2, devicePixelRatio)) / 160) * 160);
  const old = new Map([...board.children].map((figure) => [figure.dataset.id, figure]));
  const loaded = (id, made) => {
    const figure = [...board.children].find((f) => f.dataset.id === id);
    if (figure) fill(figure, made);
    if (made.why) broke(id, made.why);
  };
  board.replaceChildren(...entries.map((entry) => {
    const figure = old.get(entry.id) ?? make(entry, choose);
    fill(figure, picture(entry.id, px, loaded));
    figure.classList.toggle("current", entry.id === current);
    figure.classList.toggle("labelled", Boolean(entry.label));
    figure.classList.toggle("skipped", entry.skipped && !entry.label);
    figure.style.setProperty("--colour", entry.label ? colour(entry.label) : "#5d6168");
    const chip = figure.querySelector(".chip");
    chip.textContent = entry.label ?? (entry.broken ? "broken" : entry.skipped ? "skipped" : "");
    chip.hidden = !chip.textContent;
    return figure;
  }));
  for (const entry of next) picture(entry.id, px, loaded);
}
