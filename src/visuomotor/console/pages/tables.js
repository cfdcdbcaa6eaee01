// Rows that change in place: what an operator is about to click must not be built anew.
export function fill(body, items, key, make, update, empty) {
  const rows = new Map([...body.children].map((row) => [row.dataset.key, row]));
  const wanted = items.map((item) => {
    const row = rows.get(String(key(item))) ?? Object.assign(make(item), {});
    row.dataset.key = key(item);
    update(row, item);
    return row;
  });
  if (!wanted.length) {
    const row = document.createElement("tr");
    row.dataset.key = "";
    row.append(cell(empty, "none", 9));
    wanted.push(row);
  }
  if (wanted.length !== body.children.length || wanted.some((row, i) => row !== body.children[i])) {
    body.replaceChildren(...wanted);
  }
}

export function cell(text, kind = "", columns = 1) {
  const td = document.createElement("td");
  td.textContent = text;
  td.className = kind;
  td.colSpan = columns;
  return td;
}

export function streams(body, rows) {
  fill(body, rows, (s) => s.name, () => {
    const row = document.createElement("tr");
    row.append(...["", "number", "number", "", "why"].map((kind) => cell("", kind)));
    return row;
  }, (row, s) => {
    const drops = Object.entries(s.drops).map(([reason, n]) => `${n} ${reason}`).join(", ");
    const short = (text) => text.replace(/(\d+)\.\d+/g, (v) => Number(v).toFixed(0));
    const skew = s.skew_ms ? short(s.skew_ms) : s.latency_ms ? `latency ${short(s.latency_ms)}` : "";
    const texts = [s.name, s.rate_hz, s.age_s, skew, drops || (s.level ? s.message : "")];
    texts.forEach((text, i) => { row.children[i].textContent = text; });
    row.className = `${["", "warn", "bad"][s.level]}${s.silent ? " silent" : ""}`;
    row.title = [s.message, s.spare && `${s.spare} more came than sets need`].filter(Boolean).join("; ");
  }, "no stream is reported: is rgbd_sync up?");
}
