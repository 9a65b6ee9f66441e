// Panels of metrics. A panel fetches and draws when it comes into view; all panels on a page share one crosshair, one
// axis and one zoom.
//
// <div data-charts data-source="/alice/vision/series" [data-stream] [data-live]>
//   <figure class="panel" data-key="loss">…</figure>
// The runs are elements with data-run (public id), data-colour (1, 2, …) and data-name anywhere on the page.

import { wireTools } from "./chart_tools.js";
import { Panel } from "./panel.js";
import { runs } from "./runs_shown.js";
import { Theme } from "./theme.js";
import { view } from "./view.js";

const LIVE_EVERY = 5000;
const MOST_POINTS = 1500;

const start = (box) => {
  if (!runs.all.length) return;
  const theme = new Theme(box);
  const panels = new Map();
  const heat = (id) => {
    runs.heat(id);
    for (const panel of panels.values()) panel.setHot(id);
  };
  const points = (figure) => {
    const width = figure.querySelector(".plot").clientWidth;
    return Math.min(MOST_POINTS, Math.max(150, Math.round(width)));
  };
  const figures = box.querySelectorAll("figure[data-key]");
  const { source, stream } = box.dataset;
  const options = { runs: () => runs.shown, isMany: "many" in box.dataset, view, theme, heat, source, stream, points, sync: "ownlog" };
  for (const figure of figures) panels.set(figure, new Panel(figure, options));

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) panels.get(entry.target).setVisible(entry.isIntersecting);
  }, { rootMargin: "120px" });
  for (const figure of figures) seen.observe(figure);

  const sized = new ResizeObserver((entries) => { for (const { target } of entries) panels.get(target).fit(); });
  for (const figure of figures) sized.observe(figure);

  const each = (act) => { for (const panel of panels.values()) act(panel); };
  theme.onChange(() => each((panel) => panel.redraw()));
  const count = document.querySelector("[data-shown] strong");
  const renew = () => {
    if (count) count.textContent = runs.shown.length;
    each((panel) => panel.renew());
  };
  view.onChange(renew);
  runs.onChange(renew);
  if (count) count.textContent = runs.shown.length;
  runs.onHover(heat);

  const tools = document.querySelector("form[data-chart-tools]");
  if (tools) wireTools(tools, view, { figures });

  if ("live" in box.dataset) {
    const timer = setInterval(() => {
      if (document.hidden) return;
      const state = document.querySelector("[data-run-state]");
      each((panel) => panel.follow());
      // One more look after the run has ended, then rest.
      if (state && !("running" in state.dataset)) clearInterval(timer);
    }, LIVE_EVERY);
  }
};

for (const box of document.querySelectorAll("[data-charts]")) start(box);
