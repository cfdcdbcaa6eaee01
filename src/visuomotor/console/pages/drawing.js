// What the graph's state looks like in space: arm, cameras, target, keypoints, workspace.
import { placed } from "./matrices.js";
import { Builder } from "./scene.js";

const WHITE = [0.87, 0.88, 0.9], GREY = [0.35, 0.37, 0.41];
const YELLOW = [1, 0.85, 0.2], BLUE = [0.45, 0.68, 1], SOFT = [0.42, 0.46, 0.53];
const AXES = [[1, 0.35, 0.3], [0.35, 0.8, 0.4], [0.4, 0.6, 1]];

const hue = (i, n) => {
  const channel = (k) => Math.min(1, Math.max(0, Math.abs(((6 * i / Math.max(1, n) + k) % 6) - 3) - 1));
  return [channel(0), channel(4), channel(2)];
};

export function ground(scene) {
  const made = new Builder();
  for (let i = 0; i <= 10; i++) made.line([0.1 * i, -0.6, 0], [0.1 * i, 0.6, 0], [...GREY, 0.7]);
  for (let i = -6; i <= 6; i++) made.line([0, 0.1 * i, 0], [1, 0.1 * i, 0], [...GREY, 0.7]);
  AXES.forEach((color, i) => made.line([0, 0, 0.001], [0, 1, 2].map((k) => (k === i ? 0.15 : 0.001)), color));
  scene.put("ground", "lines", made.data);
}

export class Arm {
  constructor(scene, links) {
    Object.assign(this, { scene, links, shown: false });
  }

  update(poses) {
    if (!poses) return;
    this.links.forEach(({ name, corners }, i) => {
      if (!this.shown) {
        const bytes = Uint8Array.from(atob(corners), (c) => c.charCodeAt(0));
        const made = new Builder();
        made.triangles(new Float32Array(bytes.buffer), /hand/.test(name) ? GREY : /finger/.test(name) ? SOFT : WHITE);
        this.scene.put(name, "triangles", made.data);
      }
      this.scene.move(name, poses[i]);
    });
    this.shown = true;
  }
}

export function cameras(scene, views) {
  const made = new Builder();
  scene.names = [];
  for (const [name, view] of Object.entries(views)) {
    if (!view.T) continue;
    scene.names.push({ text: name, point: placed(view.T, [0, 0, 0]) });
    if (!view.K || !view.size) continue;
    const [fx, fy, cx, cy] = view.K, [w, h] = view.size, z = 0.12;
    const corners = [[0, 0], [w, 0], [w, h], [0, h]].map(([u, v]) =>
      placed(view.T, [((u - 0.5 - cx) / fx) * z, ((v - 0.5 - cy) / fy) * z, z]));
    const eye = placed(view.T, [0, 0, 0]);
    corners.forEach((corner, i) => {
      made.line(eye, corner, BLUE);
      made.line(corner, corners[(i + 1) % 4], BLUE);
    });
  }
  scene.put("cameras", "lines", made.data);
}

export function target(scene, T, width) {
  const made = new Builder();
  if (T) {
    const at = (p) => placed(T, p);
    const w = width / 2 + 0.01;
    made.line(at([0, 0, -0.11]), at([0, 0, -0.05]), YELLOW);
    made.line(at([0, -w, -0.05]), at([0, w, -0.05]), YELLOW);
    for (const y of [-w, w]) made.line(at([0, y, -0.05]), at([0, y, 0]), YELLOW);
    AXES.forEach((color, i) => made.line(at([0, 0, 0]), at([0, 1, 2].map((k) => (k === i ? 0.05 : 0))), color));
  }
  scene.put("target", "lines", made.data);
}

export function workspace(scene, box, visible) {
  const made = new Builder();
  if (box && visible) {
    const corner = (i) => [0, 1, 2].map((k) => box[(i >> k) & 1][k]);
    for (let i = 0; i < 8; i++) {
      for (let k = 0; k < 3; k++) if (!((i >> k) & 1)) made.line(corner(i), corner(i | (1 << k)), [...YELLOW, 0.35]);
    }
  }
  scene.put("workspace", "lines", made.data);
}

// The points that are followed, of the descriptors' node and of the policy's markers:
// [{ point, color: CSS, rgb, ring, size }] in base.
export function followed(state) {
  const dots = state.keypoints.map(([x, y, z, confidence], i, all) => ({
    point: [x, y, z], rgb: [...hue(i, all.length), 0.35 + 0.65 * Math.min(1, confidence)], size: 0.014,
  }));
  for (const marker of state.markers.filter((m) => m.kind === "points")) {
    const ring = marker.name !== "keypoints";
    marker.points.forEach((point, i) => dots.push({ point, rgb: marker.colors[i], ring, size: marker.size_m }));
  }
  for (const dot of dots) {
    const [r, g, b, a = 1] = dot.rgb;
    dot.color = `rgba(${[r, g, b].map((v) => Math.round(255 * v)).join(" ")} / ${a})`;
  }
  return dots;
}

export function keypoints(scene, dots, markers) {
  const points = new Builder(), lines = new Builder();
  for (const dot of dots) points.point(dot.point, dot.rgb, dot.size);
  for (const marker of markers.filter((m) => m.kind === "lines")) {
    marker.points.forEach((p, i) => lines.point(p, marker.colors[i]));
  }
  scene.put("keypoints", "points", points.data);
  scene.put("regions", "lines", lines.data);
}

// packed: int16 mm of every point, then its uint8 colour.
export function cloud(scene, camera, packed) {
  const count = packed.byteLength / 9;
  const mm = new Int16Array(packed, 0, 3 * count), rgb = new Uint8Array(packed, 6 * count);
  const data = new Float32Array(11 * count);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < 3; k++) {
      data[11 * i + k] = mm[3 * i + k] / 1000;
      data[11 * i + 6 + k] = rgb[3 * i + k] / 255;
    }
    data[11 * i + 9] = 1;
    data[11 * i + 10] = 0.006;
  }
  scene.put(`cloud-${camera}`, "points", data);
}
