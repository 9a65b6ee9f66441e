// What a panel offers on hover and focus: full screen, itself as a table, as CSV, as a picture.

import { colourClass } from "./look.js";

const HEAD = 30;
const LINE = 18;
const EDGE = 12;

const fileName = (key) => key.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80) || "chart";

export class PanelMenu {
  #figure; #panel; #table;

  constructor(figure, panel) {
    this.#figure = figure;
    this.#panel = panel;
    this.#table = figure.querySelector(".as-table");
    for (const button of figure.querySelectorAll("[data-do]")) {
      button.hidden = button.dataset.do === "full" && !document.fullscreenEnabled;
      button.addEventListener("click", () => { this.#close(); this[button.dataset.do](); });
    }
    // The links lead to all points; with the script, to those of what is looked at.
    for (const link of figure.querySelectorAll("a[data-kind]")) {
      const renew = () => { link.href = panel.address(link.dataset.kind); };
      link.addEventListener("pointerenter", renew);
      link.addEventListener("focus", renew);
      link.addEventListener("click", (event) => {
        this.#close();
        if (link.dataset.kind !== "table") return;
        event.preventDefault();
        this.table();
      });
    }
  }

  #close() { this.#figure.querySelector("details.menu")?.removeAttribute("open"); }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.#figure.requestFullscreen();
  }

  async table() {
    if (!this.#table.hidden) { this.#table.hidden = true; return; }
    const response = await fetch(this.#panel.address("table"), { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok) return;
    this.#table.innerHTML = await response.text();
    this.#table.hidden = false;
    this.#table.focus();
  }

  // The chart on its ground, with the metric above and the runs below.
  png() {
    const drawn = this.#panel.canvas;
    if (!drawn) return;
    const { theme, shown } = this.#panel;
    const ratio = devicePixelRatio;
    const paper = document.createElement("canvas");
    paper.width = drawn.width;
    paper.height = drawn.height + (HEAD + LINE * shown.length + EDGE) * ratio;
    const ctx = paper.getContext("2d");
    ctx.fillStyle = theme.of("sheet");
    ctx.fillRect(0, 0, paper.width, paper.height);
    ctx.drawImage(drawn, 0, HEAD * ratio);
    ctx.scale(ratio, ratio);
    const family = getComputedStyle(this.#figure).fontFamily;
    const width = paper.width / ratio - 2 * EDGE;
    ctx.fillStyle = theme.of("ink");
    ctx.font = `600 13px ${family}`;
    ctx.fillText(this.#panel.key, EDGE, 20, width);
    ctx.font = `12px ${family}`;
    shown.forEach((run, index) => {
      const y = HEAD + drawn.height / ratio + LINE * index + 12;
      ctx.fillStyle = theme.of(colourClass(run));
      ctx.fillRect(EDGE, y - 9, 10, 10);
      ctx.fillStyle = theme.of("ink");
      ctx.fillText(run.name.slice(0, 200), EDGE + 18, y, width - 18);
    });
    paper.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${fileName(this.#panel.key)}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
}
