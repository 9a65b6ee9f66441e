// Panels of metrics. A panel fetches and draws when it comes into view; all panels on a page share one crosshair.
//
// <div data-charts data-source="/alice/vision/series" [data-live]>
//   <figure class="panel" data-key="loss"><figcaption>…<span class="at"></span></figcaption><div class="plot"></div></figure>
// The runs are elements with data-run (public id), data-colour (1, 2, …) and data-name anywhere on the page.

import { Panel } from "./panel.js";
import { Theme } from "./theme.js";

const LIVE_EVERY = 5000;

const runsOnPage = () => [...document.querySelectorAll("[data-run][data-colour]")].map((row) => ({
  id: row.dataset.run, name: row.dataset.name, colour: Number(row.dataset.colour), live: "live" in row.dataset, row,
}));

const start = (box) => {
  const runs = runsOnPage();
  if (!runs.length) return;
  const theme = new Theme(box);
  const panels = new Map();
  const heat = (id) => {
    for (const run of runs) run.row.classList.toggle("hot", run.id === id);
    for (const panel of panels.values()) panel.setHot(id);
  };
  const points = () => Math.max(100, Math.round(box.clientWidth / (box.clientWidth > 700 ? 2 : 1)));
  const figures = box.querySelectorAll("figure[data-key]");
  for (const figure of figures) {
    panels.set(figure, new Panel(figure, { runs, theme, heat, source: box.dataset.source, stream: box.dataset.stream, points }));
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) panels.get(entry.target).setVisible(entry.isIntersecting);
  }, { rootMargin: "120px" });
  for (const figure of figures) seen.observe(figure);

  const sized = new ResizeObserver(() => { for (const panel of panels.values()) panel.fit(); });
  sized.observe(box);
  theme.onChange(() => { for (const panel of panels.values()) panel.redraw(); });

  for (const run of runs) {
    if (runs.length < 2) break;
    run.row.addEventListener("pointerenter", () => heat(run.id));
    run.row.addEventListener("pointerleave", () => heat(null));
  }
  if ("live" in box.dataset) {
    const timer = setInterval(() => {
      if (document.hidden) return;
      const state = document.querySelector("[data-run-state]");
      for (const panel of panels.values()) panel.follow();
      // One more look after the run has ended, then rest.
      if (state && !("running" in state.dataset)) clearInterval(timer);
    }, LIVE_EVERY);
  }
};

for (const box of document.querySelectorAll("[data-charts]")) start(box);
