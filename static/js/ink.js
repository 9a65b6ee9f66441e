// Lines on a canvas of their own, above the axes. While one pans, what is there is moved and only what comes into
// sight is drawn; while one zooms, it is stretched until the hand rests. So a frame costs what is new in it.
//
// A line: {x, y} as the axes have them, with colour, width, alpha, dash, and maybe behind (a fainter y) or band ({low, high}).

import { placeOf } from "./series.js";

const FAR = 30_000; // beyond this a canvas loses its place
const BEHIND = 0.28;

const run = (ctx, x, y, from, to, { left, wide, top, tall }) => {
  let isDown = false;
  let [beginX, beginY] = [0, 0];
  let isAlone = false;
  const end = Math.min(x.length - 1, placeOf(x, to));
  for (let i = Math.max(0, placeOf(x, from) - 1); i <= end; i += 1) {
    const value = y[i];
    if (value !== value) {
      if (isAlone) ctx.rect(beginX - 1, beginY - 1, 2, 2);
      isDown = isAlone = false;
      continue;
    }
    const px = (x[i] - left) * wide;
    const py = Math.max(-FAR, Math.min(FAR, (top - value) * tall));
    if (isDown) { ctx.lineTo(px, py); isAlone = false; }
    else { ctx.moveTo(px, py); [beginX, beginY, isDown, isAlone] = [px, py, true, true]; }
  }
  if (isAlone) ctx.rect(beginX - 1, beginY - 1, 2, 2); // what no line would join
};

const fill = (ctx, { x, band, colour, bandAlpha }, from, to, { left, wide, top, tall }) => {
  const [first, last] = [Math.max(0, placeOf(x, from) - 1), Math.min(x.length - 1, placeOf(x, to))];
  ctx.fillStyle = colour;
  ctx.globalAlpha = bandAlpha;
  const at = (values, i) => Math.max(-FAR, Math.min(FAR, (top - values[i]) * tall));
  for (let start = first; start <= last; start += 1) {
    if (Number.isNaN(band.low[start])) continue;
    let end = start;
    while (end < last && !Number.isNaN(band.low[end + 1])) end += 1;
    ctx.beginPath();
    for (let i = start; i <= end; i += 1) ctx.lineTo((x[i] - left) * wide, at(band.high, i));
    for (let i = end; i >= start; i -= 1) ctx.lineTo((x[i] - left) * wide, at(band.low, i));
    ctx.fill();
    start = end;
  }
};

// Device pixels for a range of x and y over a canvas of this size.
export const places = ({ x, y }, { width, height }) => ({
  left: x[0], wide: width / (x[1] - x[0]), top: y[1], tall: height / (y[1] - y[0]),
});

// Each line from one x to another; what lies behind all lines first.
export const draw = (ctx, lines, [from, to], place, ratio) => {
  ctx.lineJoin = "bevel";
  for (const line of lines) if (line.band) fill(ctx, line, from, to, place);
  const stroke = (line, y, width, alpha, dash) => {
    ctx.globalAlpha = alpha;
    ctx.strokeStyle = line.colour;
    ctx.lineWidth = width * ratio;
    ctx.setLineDash(dash.map((length) => length * ratio));
    ctx.beginPath();
    run(ctx, line.x, y, from, to, place);
    ctx.stroke();
  };
  for (const line of lines) if (line.behind) stroke(line, line.behind, 1, BEHIND, []);
  for (const line of lines) stroke(line, line.y, line.width, line.alpha, line.dash);
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
};

export class Ink {
  canvas = document.createElement("canvas");
  #ctx = this.canvas.getContext("2d");
  #seen = null; // the range of x that the canvas shows
  #still = null; // while one zooms: the range that the picture shows
  #picture = document.createElement("canvas");
  #ratio = 1;

  constructor(className) { this.canvas.className = className; }

  get ctx() { return this.#ctx; }

  // Over this box of the page, in its pixels.
  fit({ left, top, width, height }, ratio) {
    this.#ratio = ratio;
    const { canvas } = this;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const sizes = { left, top, width, height };
    for (const [name, size] of Object.entries(sizes)) canvas.style.setProperty(name, `${size}px`);
    this.#seen = null;
  }

  paint(lines, ranges) {
    const { width, height } = this.canvas;
    this.#still = null;
    this.#seen = [...ranges.x];
    this.#ctx.clearRect(0, 0, width, height);
    draw(this.#ctx, lines, ranges.x, places(ranges, this.canvas), this.#ratio);
  }

  // The same lines over another range of x, quickly.
  move(lines, ranges) {
    const [span, before] = [ranges.x[1] - ranges.x[0], this.#seen && this.#seen[1] - this.#seen[0]];
    if (!before || !this.canvas.width) { this.paint(lines, ranges); return; }
    if (!this.#still && Math.abs(span / before - 1) < 1e-9) this.#shift(lines, ranges, span);
    else this.#stretch(lines, ranges, span);
  }

  #shift(lines, ranges, span) {
    const { width, height } = this.canvas;
    const by = Math.round(((this.#seen[0] - ranges.x[0]) / span) * width);
    if (!by) return;
    if (Math.abs(by) >= width) { this.paint(lines, ranges); return; }
    this.#ctx.globalCompositeOperation = "copy";
    this.#ctx.drawImage(this.canvas, by, 0);
    this.#ctx.globalCompositeOperation = "source-over";
    const moved = (by * span) / width;
    this.#seen = [this.#seen[0] - moved, this.#seen[1] - moved];
    this.#strip(lines, { ...ranges, x: this.#seen }, by > 0 ? 0 : width + by, Math.abs(by), height);
  }

  // Closer, the last sharp picture is stretched. Further away, what was shown last is squeezed, and what comes into sight
  // at its sides is drawn beside it; so each step draws little, and until the hand rests the middle is a little soft.
  #stretch(lines, ranges, span) {
    const { canvas } = this;
    this.#still ??= this.#taken();
    const [from, to] = this.#still.range.map((x) => ((x - ranges.x[0]) / span) * canvas.width);
    if (to < 1 || from > canvas.width - 1) { this.paint(lines, ranges); return; }
    this.#ctx.clearRect(0, 0, canvas.width, canvas.height);
    this.#ctx.drawImage(this.#picture, from, 0, to - from, canvas.height);
    this.#seen = [...ranges.x];
    if (from > 0) this.#strip(lines, ranges, 0, Math.ceil(from), canvas.height);
    if (to < canvas.width) this.#strip(lines, ranges, Math.floor(to), canvas.width - Math.floor(to), canvas.height);
    if (from > 0 || to < canvas.width) this.#still = this.#taken();
  }

  #taken() {
    const { width, height } = this.canvas;
    if (this.#picture.width !== width || this.#picture.height !== height) [this.#picture.width, this.#picture.height] = [width, height];
    const ctx = this.#picture.getContext("2d");
    ctx.globalCompositeOperation = "copy";
    ctx.drawImage(this.canvas, 0, 0);
    return { range: this.#seen };
  }

  #strip(lines, ranges, left, width, height) {
    const ctx = this.#ctx;
    const place = places(ranges, this.canvas);
    ctx.save();
    ctx.beginPath(); ctx.rect(left, 0, width, height); ctx.clip();
    ctx.clearRect(left, 0, width, height);
    draw(ctx, lines, [place.left + left / place.wide, place.left + (left + width) / place.wide], place, this.#ratio);
    ctx.restore();
  }
}
