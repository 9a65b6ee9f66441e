// What stands at the crosshair: the five runs nearest to the pointer, highest first. Its lines are made once.

import { colourClass, patternClass } from "./look.js";
import { figure } from "./figures.js";

const NEAREST = 5;
const GAP = 12;
const EDGE = 4;
const span = (className) => {
  const node = document.createElement("span");
  node.className = className;
  return node;
};

export class Tip {
  #node = document.createElement("div");
  #lines = [];
  #x = span("");
  #key = span("key");
  #figure;
  #room = null; // where the panel and its pane are: looked at when the pointer comes in

  constructor(parent) {
    this.#figure = parent;
    this.#node.className = "tip";
    this.#node.hidden = true;
    const head = document.createElement("header");
    head.append(this.#x, this.#key);
    const list = document.createElement("ul");
    for (let i = 0; i < NEAREST; i += 1) {
      const [line, swatch, name, value] = [document.createElement("li"), span("swatch"), document.createElement("bdi"), span("")];
      line.append(swatch, name, value);
      list.append(line);
      this.#lines.push({ line, swatch, name, value });
    }
    this.#node.append(head, list);
    parent.append(this.#node);
    parent.addEventListener("pointerenter", () => { this.#room = null; });
  }

  hide() { this.#node.hidden = true; }

  show({ x, key, values, near, left }) {
    this.#x.textContent = x;
    this.#key.textContent = key;
    const nearest = values.map((one) => ({ ...one, away: Math.abs(one.value - near.value) }))
      .sort((a, b) => a.away - b.away).slice(0, NEAREST).sort((a, b) => b.value - a.value);
    this.#lines.forEach(({ line, swatch, name, value }, place) => {
      const one = nearest[place];
      line.hidden = !one;
      if (!one) return;
      line.classList.toggle("near", one.run.id === near.run.id);
      swatch.className = `swatch ${colourClass(one.run)} ${patternClass(one.run)}`;
      name.textContent = one.run.name;
      value.textContent = figure(one.value);
    });
    this.#node.hidden = false;
    this.#place(left);
  }

  // Beside the crosshair; on its left where the pane would end, and never out of the pane.
  #place(left) {
    this.#room ??= {
      pane: (this.#figure.closest(".panels") ?? this.#figure).getBoundingClientRect(),
      own: this.#figure.getBoundingClientRect(), plot: this.#figure.querySelector(".plot").offsetLeft,
    };
    const { pane, own, plot } = this.#room;
    const at = plot + left;
    const width = this.#node.offsetWidth;
    const fits = own.left + at + GAP + width <= pane.right - EDGE;
    this.#node.style.setProperty("left", `${fits ? at + GAP : Math.max(pane.left - own.left + EDGE, at - GAP - width)}px`);
  }
}
