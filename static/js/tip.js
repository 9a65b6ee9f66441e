// What stands at the crosshair: the five runs nearest to the pointer, highest first.

import { figure } from "./figures.js";

const NEAREST = 5;
const GAP = 12;
const EDGE = 4;
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

  show({ x, key, values, near, left }) {
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
    // Beside the crosshair; on its left where the pane would end, and never out of the pane.
    const pane = (this.#figure.closest(".panels") ?? this.#figure).getBoundingClientRect();
    const own = this.#figure.getBoundingClientRect();
    const plot = this.#figure.querySelector(".plot").offsetLeft + left;
    const width = this.#node.offsetWidth;
    const fits = own.left + plot + GAP + width <= pane.right - EDGE;
    const at = fits ? plot + GAP : Math.max(pane.left - own.left + EDGE, plot - GAP - width);
    this.#node.style.setProperty("left", `${at}px`);
  }
}
