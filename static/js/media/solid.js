// Things in space: read when they come into sight, turned by hand or by keys. What cannot be drawn stays the file that it is.

import { Stage } from "./stage.js";
import { readGlb, readGltf, readObj, readPoints, readStl } from "./shapes.js";
import { readGro, readMol, readMol2, readPdb, readPqr, readXyz } from "./molecules.js";

const STEP = 0.12;
const ofText = (read) => (bytes) => read(new TextDecoder().decode(bytes).replaceAll("\r", ""));
const READERS = {
  "pts.json": ofText(readPoints), obj: ofText(readObj), gltf: ofText(readGltf), glb: readGlb, stl: readStl,
  pdb: ofText(readPdb), pqr: ofText(readPqr), mol: ofText(readMol), sdf: ofText(readMol), sd: ofText(readMol),
  mol2: ofText(readMol2), xyz: ofText(readXyz), gro: ofText(readGro),
};

class Solid {
  #box; #canvas; #stage = null; #touches = new Map();

  constructor(box) {
    this.#box = box;
    this.#canvas = box.querySelector("canvas");
    box.hidden = false;
    const eye = new IntersectionObserver(([seen]) => {
      if (!seen.isIntersecting) return;
      eye.disconnect();
      this.#open();
    });
    eye.observe(box);
  }

  async #open() {
    try {
      const response = await fetch(this.#box.dataset.solid);
      if (!response.ok) throw new Error(String(response.status));
      const scene = READERS[this.#box.dataset.format](new Uint8Array(await response.arrayBuffer()));
      this.#stage = new Stage(this.#canvas, scene);
      this.#count(scene.counts);
      this.#wire();
    } catch {
      const words = document.createElement("p");
      words.className = "said";
      words.textContent = this.#box.dataset.failed;
      this.#box.replaceChildren(words);
    }
  }

  #count(counts) {
    const language = document.documentElement.lang;
    const said = Object.entries(counts).filter(([, count]) => count).map(([what, count]) => `${this.#box.dataset[what]} ${count.toLocaleString(language)}`);
    this.#box.querySelector("output").textContent = said.join(" · ");
  }

  #wire() {
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#box.addEventListener("click", (event) => this.#act(event.target.closest("button")?.dataset.turn));
    this.#canvas.addEventListener("pointerdown", (event) => {
      this.#canvas.setPointerCapture(event.pointerId);
      this.#touches.set(event.pointerId, event);
    });
    this.#canvas.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.#canvas.addEventListener(end, (event) => this.#touches.delete(event.pointerId));
    // The page scrolls under the wheel, unless this is what one is at.
    this.#canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== this.#canvas) return;
      event.preventDefault();
      this.#stage.zoom(Math.exp(-event.deltaY / 400));
    }, { passive: false });
  }

  #drag(event) {
    const before = this.#touches.get(event.pointerId);
    if (!before) return;
    if (this.#touches.size === 2) {
      const apart = () => { const [a, b] = this.#touches.values(); return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1; };
      const was = apart();
      this.#touches.set(event.pointerId, event);
      this.#stage.zoom(apart() / was);
      return;
    }
    this.#touches.set(event.pointerId, event);
    this.#stage.turn((event.clientX - before.clientX) / 120, (event.clientY - before.clientY) / 120);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.#canvas) return;
    const act = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", "+": "nearer", "=": "nearer", "-": "farther", 0: "back" }[event.key];
    if (!act) return;
    event.preventDefault();
    this.#act(act);
  }

  #act(what) {
    const acts = {
      left: () => this.#stage.turn(-STEP, 0), right: () => this.#stage.turn(STEP, 0), up: () => this.#stage.turn(0, -STEP), down: () => this.#stage.turn(0, STEP),
      nearer: () => this.#stage.zoom(1.25), farther: () => this.#stage.zoom(0.8), back: () => this.#stage.reset(),
    };
    acts[what]?.();
  }
}

const begun = new WeakSet();
const look = (box) => {
  for (const each of box.querySelectorAll("[data-solid]")) {
    if (begun.has(each)) continue;
    begun.add(each);
    new Solid(each);
  }
};

look(document);
document.addEventListener("media-shown", (event) => look(event.target));
