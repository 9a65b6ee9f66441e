// What a panel offers on hover and focus: full screen, itself as a table, as CSV, as a picture.

import { colourClass, dash } from "./look.js";

const HEAD = 30;
const LINE = 18;
const EDGE = 12;
const ENTRY = 210; // a name in the legend has at least so much room
const LONGEST = 200;

const fileName = (key) => key.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80) || "chart";

const clipped = (ctx, name, room) => {
  let text = name.slice(0, LONGEST);
  while (text && ctx.measureText(`${text}…`).width > room) text = text.slice(0, -1);
  return text === name ? name : `${text}…`;
};

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

  // The chart on its ground, with the metric above and the runs below, in as many columns as fit.
  png() {
    const { theme, shown, layers } = this.#panel;
    if (!layers.length) return;
    const ratio = devicePixelRatio;
    const [[base]] = layers;
    const columns = Math.max(1, Math.floor((base.width / ratio - 2 * EDGE) / ENTRY));
    const rows = Math.ceil(shown.length / columns);
    const paper = document.createElement("canvas");
    paper.width = base.width;
    paper.height = base.height + (HEAD + LINE * rows + EDGE) * ratio;
    const ctx = paper.getContext("2d");
    ctx.fillStyle = theme.of("sheet");
    ctx.fillRect(0, 0, paper.width, paper.height);
    for (const [canvas, left, top] of layers) ctx.drawImage(canvas, left, top + HEAD * ratio);
    ctx.scale(ratio, ratio);
    const family = getComputedStyle(this.#figure).fontFamily;
    const width = (paper.width / ratio - 2 * EDGE) / columns;
    ctx.fillStyle = theme.of("ink");
    ctx.font = `600 13px ${family}`;
    ctx.fillText(this.#panel.key, EDGE, 20, paper.width / ratio - 2 * EDGE);
    ctx.font = `12px ${family}`;
    shown.forEach((run, index) => {
      const x = EDGE + width * (index % columns);
      const y = HEAD + base.height / ratio + LINE * Math.floor(index / columns) + 12;
      ctx.strokeStyle = theme.of(colourClass(run));
      ctx.lineWidth = 3;
      ctx.setLineDash(dash(run));
      ctx.beginPath(); ctx.moveTo(x, y - 4); ctx.lineTo(x + 16, y - 4); ctx.stroke();
      ctx.fillStyle = theme.of("ink");
      ctx.fillText(clipped(ctx, run.name, width - 30), x + 22, y);
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
