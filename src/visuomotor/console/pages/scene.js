// The scene in space: plain WebGL, so that nothing has to come from elsewhere.
import { add, columns, cross, lookAt, multiply, perspective, sub, unit } from "./matrices.js";

const VERTEX = `attribute vec3 position, normal; attribute vec4 color; attribute float size;
uniform mat4 view, model; uniform float pixels; varying vec4 shade;
void main() {
  gl_Position = view * model * vec4(position, 1.0);
  float light = dot(normal, normal) > 0.1
    ? 0.5 + 0.5 * max(0.0, dot(normalize(mat3(model) * normal), normalize(vec3(0.5, -0.4, 0.8)))) : 1.0;
  shade = vec4(color.rgb * light, color.a);
  gl_PointSize = clamp(size * pixels / gl_Position.w, 2.0, 40.0);
}`;
const FRAGMENT = `precision mediump float; varying vec4 shade; uniform bool round;
void main() {
  if (round && distance(gl_PointCoord, vec2(0.5)) > 0.5) discard;
  gl_FragColor = shade;
}`;
const FIELDS = [["position", 3], ["normal", 3], ["color", 4], ["size", 1]];
const STRIDE = 11;
const START = { target: [0.4, 0, 0.25], turn: -0.85, rise: 0.45, distance: 2.0 };
const IDENTITY = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];

export class Scene {
  constructor(canvas, labels) {
    Object.assign(this, { canvas, labels, look: structuredClone(START), batches: new Map(), names: [],
      cost: 0, drawn: 0, waiting: false });
    this.gl = canvas.getContext("webgl", { antialias: true });
    if (!this.gl) throw new Error("this browser has no WebGL: the scene is not drawn");
    this.compile();
    this.listen();
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  compile() {
    const { gl } = this;
    const program = this.program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    FIELDS.forEach(([name], i) => gl.bindAttribLocation(program, i, name));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    this.at = Object.fromEntries(["view", "model", "pixels", "round"].map((n) =>
      [n, gl.getUniformLocation(program, n)]));
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  // kind: "triangles", "lines" or "points"; data: a Builder's. It replaces what had this name.
  put(name, kind, data, model = IDENTITY) {
    const { gl } = this;
    const batch = this.batches.get(name) ?? { buffer: gl.createBuffer() };
    gl.bindBuffer(gl.ARRAY_BUFFER, batch.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    Object.assign(batch, { kind, count: data.length / STRIDE, model: columns(model) });
    this.batches.set(name, batch);
  }

  move(name, model) {
    const batch = this.batches.get(name);
    if (batch) batch.model = columns(model);
  }

  remove(name) {
    const batch = this.batches.get(name);
    if (batch) this.gl.deleteBuffer(batch.buffer);
    this.batches.delete(name);
  }

  // Draws now, or as soon as drawing takes a fifth of the time at most: where no GPU helps, the
  // control loop may be on the same cores.
  draw() {
    if (this.waiting) return;
    const rest = Math.min(4 * this.cost, 1000) - (performance.now() - this.drawn);
    if (rest <= 0) return void this.render();
    this.waiting = true;
    setTimeout(() => {
      this.waiting = false;
      this.render();
    }, rest);
  }

  render() {
    const { gl, canvas, look } = this;
    const start = performance.now();
    const ratio = Math.min(2, window.devicePixelRatio);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((v) => Math.round(v * ratio));
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const away = [Math.cos(look.turn) * Math.cos(look.rise), Math.sin(look.turn) * Math.cos(look.rise),
      Math.sin(look.rise)];
    this.view = lookAt(add(look.target, away, look.distance), look.target);
    const lens = perspective(0.75, width / height, 0.02, 20);
    const total = multiply(lens, this.view.matrix);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix4fv(this.at.view, false, total);
    gl.uniform1f(this.at.pixels, height / (2 * Math.tan(0.375)));
    const kinds = { triangles: gl.TRIANGLES, lines: gl.LINES, points: gl.POINTS };
    for (const { buffer, kind, count, model } of this.batches.values()) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      let offset = 0;
      FIELDS.forEach(([, size], i) => {
        gl.enableVertexAttribArray(i);
        gl.vertexAttribPointer(i, size, gl.FLOAT, false, 4 * STRIDE, 4 * offset);
        offset += size;
      });
      gl.uniformMatrix4fv(this.at.model, false, model);
      gl.uniform1i(this.at.round, kind === "points");
      gl.drawArrays(kinds[kind], 0, count);
    }
    this.write(total);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits until it is drawn
    this.drawn = performance.now();
    this.cost = this.drawn - start;
    canvas.dataset.drawn = [...this.batches].map(([name, b]) => `${name}:${b.count}`).join(" ");
  }

  write(total) {
    while (this.labels.children.length > this.names.length) this.labels.lastChild.remove();
    this.names.forEach(({ text, point }, i) => {
      const label = this.labels.children[i] ?? this.labels.appendChild(document.createElement("span"));
      const p = [...point, 1];
      const [x, y, , w] = [0, 1, 2, 3].map((row) => p.reduce((sum, v, k) => sum + total[4 * k + row] * v, 0));
      label.textContent = text;
      label.hidden = w <= 0;
      label.style.left = `${50 + (50 * x) / w}%`;
      label.style.top = `${50 - (50 * y) / w}%`;
    });
  }

  reset() {
    this.look = structuredClone(START);
    this.draw();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      const [dx, dy] = [event.movementX, event.movementY];
      const look = this.look;
      if (event.shiftKey || event.buttons & 6) {
        const step = look.distance / canvas.clientHeight;
        look.target = add(add(look.target, this.view.right, -step * dx), this.view.up, step * dy);
      } else {
        look.turn -= 0.008 * dx;
        look.rise = Math.min(1.55, Math.max(-1.2, look.rise + 0.008 * dy));
      }
      this.draw();
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.look.distance = Math.min(6, Math.max(0.15, this.look.distance * Math.exp(0.001 * event.deltaY)));
      this.draw();
    }, { passive: false });
  }
}

export class Builder {
  constructor() {
    this.values = [];
  }

  point(p, color, size = 0.004, normal = [0, 0, 0]) {
    this.values.push(...p, ...normal, color[0], color[1], color[2], color[3] ?? 1, size);
  }

  line(a, b, color) {
    this.point(a, color);
    this.point(b, color);
  }

  // corners: float32 of triangles, three numbers a corner.
  triangles(corners, color) {
    for (let i = 0; i < corners.length; i += 9) {
      const [a, b, c] = [0, 3, 6].map((k) => [corners[i + k], corners[i + k + 1], corners[i + k + 2]]);
      const normal = unit(cross(sub(b, a), sub(c, a)));
      for (const p of [a, b, c]) this.point(p, color, 1, normal);
    }
  }

  get data() {
    return Float32Array.from(this.values);
  }
}
