// A scene that is turned by hand: where its eye is, and everything in it drawn from there. Lengths are measured in the scene's own
// size, so that a molecule and a street fill the picture alike.

import { Pencil, lit, packed } from "./pencil.js";

const FAR = 3; // of the eye, in radii of the scene
const MOST_PIXELS = 1_400_000;
const START = { turn: 0.6, tilt: 0.35, zoom: 1 };

export class Stage {
  #canvas; #scene; #middle; #radius; #asked = 0;
  #eye = { ...START };

  constructor(canvas, scene) {
    this.#canvas = canvas;
    this.#scene = scene;
    [this.#middle, this.#radius] = extent(scene);
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  turn(across, down) {
    this.#eye.turn += across;
    this.#eye.tilt = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, this.#eye.tilt + down));
    this.draw();
  }

  zoom(by) {
    this.#eye.zoom = Math.max(0.2, Math.min(40, this.#eye.zoom * by));
    this.draw();
  }

  reset() {
    this.#eye = { ...START };
    this.draw();
  }

  // At most once a frame, however often it is asked for.
  draw() {
    if (!this.#asked) this.#asked = requestAnimationFrame(() => { this.#asked = 0; this.#now(); });
  }

  #now() {
    const { clientWidth: wide, clientHeight: high } = this.#canvas;
    if (!wide || !high) return;
    const fine = Math.min(devicePixelRatio, Math.sqrt(MOST_PIXELS / (wide * high)), 2);
    [this.#canvas.width, this.#canvas.height] = [Math.round(wide * fine), Math.round(high * fine)];
    const pencil = new Pencil(this.#canvas.width, this.#canvas.height);
    pencil.clear();
    const view = this.#view();
    this.#points(pencil, view, fine);
    this.#mesh(pencil, view);
    this.#lines(pencil, view, fine);
    this.#atoms(pencil, view);
    const ink = this.#canvas.getContext("2d");
    ink.putImageData(pencil.image, 0, 0);
    this.#words(ink, view, fine);
    this.#canvas.dataset.drawn = Number(this.#canvas.dataset.drawn ?? 0) + 1;
  }

  // From a place in the scene to one in the picture, with how far it is from the eye and how large a unit is there.
  #view() {
    const { turn, tilt, zoom } = this.#eye;
    const [sinTurn, cosTurn, sinTilt, cosTilt] = [Math.sin(turn), Math.cos(turn), Math.sin(tilt), Math.cos(tilt)];
    const [mx, my, mz] = this.#middle, radius = this.#radius, isZUp = this.#scene.isZUp;
    const { width, height } = this.#canvas;
    const scale = Math.min(width, height) * 0.47 * FAR * zoom;
    return (x, y, z) => {
      const px = (x - mx) / radius;
      const py = (isZUp ? z - mz : y - my) / radius;
      const pz = (isZUp ? -(y - my) : z - mz) / radius;
      const across = px * cosTurn + pz * sinTurn, deep = pz * cosTurn - px * sinTurn;
      const up = py * cosTilt - deep * sinTilt, near = py * sinTilt + deep * cosTilt;
      const away = FAR - near;
      const unit = scale / Math.max(away, 1e-3);
      return { x: width / 2 + across * unit, y: height / 2 - up * unit, z: away, unit };
    };
  }

  #points(pencil, view, fine) {
    const { places, colours } = this.#scene.points ?? {};
    if (!places) return;
    const size = Math.max(1, Math.round((places.length < 6000 ? 3 : places.length < 150_000 ? 2 : 1) * fine));
    for (let at = 0; at < places.length; at += 3) {
      const { x, y, z } = view(places[at], places[at + 1], places[at + 2]);
      pencil.dot(x, y, z, size, packed(colours[at], colours[at + 1], colours[at + 2]));
    }
  }

  #mesh(pencil, view) {
    const { places, triangles, colours } = this.#scene.mesh ?? {};
    if (!places) return;
    const seen = Array.from({ length: places.length / 3 }, (_each, at) => view(places[3 * at], places[3 * at + 1], places[3 * at + 2]));
    for (let at = 0; at < triangles.length; at += 3) {
      const [a, b, c] = [seen[triangles[at]], seen[triangles[at + 1]], seen[triangles[at + 2]]];
      const light = facing(a, b, c);
      pencil.triangle(a, b, c, packed(colours[at] * light, colours[at + 1] * light, colours[at + 2] * light));
    }
  }

  #lines(pencil, view, fine) {
    for (const { a, b, colour } of this.#scene.lines ?? []) pencil.line(view(...a), view(...b), Math.max(1, Math.round(1.5 * fine)), packed(...colour));
  }

  #atoms(pencil, view) {
    const atoms = this.#scene.atoms;
    if (!atoms) return;
    const seen = atoms.map((atom) => view(atom.x, atom.y, atom.z));
    const width = 0.13 / this.#radius;
    for (const [a, b] of this.#scene.bonds) pencil.stick(seen[a], seen[b], Math.max(1, width * seen[a].unit), width, atoms[a].colour, atoms[b].colour);
    atoms.forEach((atom, at) => {
      const radius = (0.16 + 0.28 * atom.reach) / this.#radius;
      pencil.ball(seen[at], Math.max(1, radius * seen[at].unit), radius, atom.colour);
    });
  }

  #words(ink, view, fine) {
    ink.font = `${Math.round(11 * fine)}px ${getComputedStyle(this.#canvas).fontFamily}`;
    ink.fillStyle = getComputedStyle(this.#canvas).color;
    for (const { at, words } of (this.#scene.labels ?? []).slice(0, 200)) {
      const { x, y, z } = view(...at);
      if (z > 0.05) ink.fillText(words, x + 3 * fine, y - 3 * fine);
    }
  }
}

// How much light falls on a triangle: its edges as they are seen, with depth in the same measure.
const facing = (a, b, c) => {
  const unit = a.unit || 1;
  const [ux, uy, uz] = [b.x - a.x, b.y - a.y, (b.z - a.z) * unit], [vx, vy, vz] = [c.x - a.x, c.y - a.y, (c.z - a.z) * unit];
  const [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  const length = Math.hypot(nx, ny, nz) || 1;
  const side = nz > 0 ? -1 : 1; // both sides are lit
  return lit(side * (-0.35 * nx - 0.5 * ny - 0.79 * nz) / length);
};

const extent = ({ points, mesh, lines = [], atoms = [] }) => {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  const take = (x, y, z) => [x, y, z].forEach((value, axis) => {
    if (value < low[axis]) low[axis] = value;
    if (value > high[axis]) high[axis] = value;
  });
  for (const places of [points?.places, mesh?.places]) for (let at = 0; at < (places?.length ?? 0); at += 3) take(places[at], places[at + 1], places[at + 2]);
  for (const { a, b } of lines) { take(...a); take(...b); }
  for (const atom of atoms) take(atom.x, atom.y, atom.z);
  if (low[0] === Infinity) throw new Error("nothing in it");
  const middle = low.map((value, axis) => (value + high[axis]) / 2);
  const radius = Math.hypot(...low.map((value, axis) => (high[axis] - value) / 2)) || 1;
  return [middle, atoms.length ? radius + 0.6 : radius];
};
