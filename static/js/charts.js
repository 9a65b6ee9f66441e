// Panels of metrics. A panel fetches and draws when it comes into view; all panels on a page share one crosshair, one
// axis and one zoom.
//
// <div data-charts data-source="/alice/vision/series" [data-many] [data-stream] [data-most="100"]>
//   <figure class="panel" data-key="loss" [data-axis="epoch"]>…</figure>
// The runs are elements with data-run (public id), data-colour (1, 2, …) and data-name anywhere on the page, of which
// those with data-live go on.

import { wireTools } from "./chart_tools.js";
import { wireFolds } from "./folds.js";
import { Panel } from "./panel.js";
import { runs } from "./runs_shown.js";
import { Theme } from "./theme.js";
import { view } from "./view.js";

const LIVE_EVERY = 5000;
const SOON = 60;

// Lets one painter through in each frame.
const oneAFrame = () => {
  let isTaken = false;
  return () => {
    if (isTaken) return false;
    isTaken = true;
    requestAnimationFrame(() => { isTaken = false; });
    return true;
  };
};

const start = (box) => {
  if (!runs.all.length) return;
  const theme = new Theme(box);
  const panels = new Map();
  let hot = null;
  let following = null;
  // The panel under the pointer shows at once which run is meant, the others when the pointer rests a moment.
  const heat = (id, by = null) => {
    if (id === hot) return;
    hot = id;
    runs.heat(id);
    by?.setHot(id);
    clearTimeout(following);
    following = setTimeout(() => { for (const panel of panels.values()) panel.setHot(hot); }, SOON);
  };
  const figures = box.querySelectorAll("figure[data-key]");
  const { source, stream } = box.dataset;
  const options = { runs: () => runs.shown, isMany: "many" in box.dataset, view, theme, heat, source, stream, sync: "ownlog", mayPaint: oneAFrame() };
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
  // Where the pointer leaves a chart no run is meant any more.
  box.addEventListener("pointerleave", () => heat(null));
  runs.onHover(heat);

  // A hand may move oftener than the screen shows.
  let next = null;
  view.onGlide((axis, zoom, from) => {
    if (!next) requestAnimationFrame(() => { each((panel) => { if (panel !== next.from) panel.glideTo(next.axis, next.zoom); }); next = null; });
    next = { axis, zoom, from };
  });

  wireFolds(box, view);
  const tools = document.querySelector("form[data-chart-tools]");
  if (tools) wireTools(tools, view, { figures, runs });

  setInterval(() => {
    if (!document.hidden && runs.shown.some((run) => run.live)) each((panel) => panel.follow());
  }, LIVE_EVERY);
};

for (const box of document.querySelectorAll("[data-charts]")) start(box);
