// What stands at the crosshair: the five runs nearest to the pointer, highest first.

import { figure } from "./figures.js";

const NEAREST = 5;
const span = (className, text) => {
  const node = document.createElement("span");
  node.className = className;
  node.textContent = text;
  return node;
};

export class Tip {
  #node = document.createElement("div");
  #figure;

  constructor(parent) {
    this.#figure = parent;
    this.#node.className = "tip";
    this.#node.hidden = true;
    parent.append(this.#node);
  }

  hide() { this.#node.hidden = true; }

  show({ x, key, values, near, left, width }) {
    const head = document.createElement("header");
    head.append(span("", x), span("key", key));
    const list = document.createElement("ul");
    const nearest = [...values].sort((a, b) => Math.abs(a.value - near.value) - Math.abs(b.value - near.value)).slice(0, NEAREST);
    for (const { run, value } of nearest.sort((a, b) => b.value - a.value)) {
      const line = document.createElement("li");
      line.classList.toggle("near", run === near.run);
      line.append(span(`swatch run-${((run.colour - 1) % 12) + 1}`, ""), span("", run.name), span("", figure(value)));
      list.append(line);
    }
    this.#node.replaceChildren(head, list);
    this.#node.hidden = false;
    // Beside the crosshair, on the side with more room, and never out of the panel.
    const own = this.#node.offsetWidth;
    const axis = this.#figure.clientWidth - width;
    const at = left > width / 2 ? left + axis - own - 26 : left + axis + 6;
    const least = this.#figure.getBoundingClientRect().left * -1 + 4;
    this.#node.style.setProperty("inset-inline-start", `${Math.max(least, at)}px`);
  }
}
