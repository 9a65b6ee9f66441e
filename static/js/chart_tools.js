// The choices above the charts: axis, scales, smoothing, runs or their groups, all of a zoomed axis again, finding panels.

import { tick } from "./figures.js";

// Whether a name has what a person typed, as it stands or as a regular expression.
const wanted = (text) => {
  let expression = null;
  try { expression = new RegExp(text, "iu"); } catch { /* half an expression is text */ }
  return (name) => name.toLowerCase().includes(text.toLowerCase()) || Boolean(expression?.test(name));
};

export const wireTools = (form, view, { figures, runs }) => {
  const field = (name) => form.elements[name];
  const all = form.querySelector("[data-all]");
  const groups = form.querySelector("[data-groups]");
  const none = document.querySelector("[data-none]");
  const shown = form.querySelector("output[data-smoothing]");

  const present = () => {
    if (![...field("x").options].some((option) => option.value === view.x)) {
      const option = document.createElement("option");
      option.value = option.textContent = view.x;
      field("x").append(option);
    }
    field("x").value = view.x;
    field("xs").checked = view.isLogX;
    field("ys").checked = view.isLogY;
    field("smooth").value = view.smoothing;
    shown.textContent = view.smoothing ? view.smoothing.toFixed(2) : all.dataset.off;
    groups.hidden = !runs.shown.some((run) => run.group != null);
    field("groups").checked = view.hasGroups;
    all.hidden = !view.zoom;
    if (view.zoom) all.title = view.zoom.map(tick).join(" – ");
  };

  field("x").addEventListener("change", () => view.set({ x: field("x").value }));
  field("xs").addEventListener("change", () => view.set({ isLogX: field("xs").checked }));
  field("ys").addEventListener("change", () => view.set({ isLogY: field("ys").checked }));
  field("smooth").addEventListener("input", () => view.set({ smoothing: Number(field("smooth").value) }));
  field("groups").addEventListener("change", () => view.set({ hasGroups: field("groups").checked }));
  all.addEventListener("click", () => view.set({ zoom: null }));
  form.addEventListener("submit", (event) => event.preventDefault());

  const showFound = () => {
    const isWanted = wanted(field("panel").value.trim());
    let found = 0;
    for (const figure of figures) {
      figure.hidden = !isWanted(figure.dataset.key);
      if (!figure.hidden) found += 1;
    }
    for (const section of document.querySelectorAll("details.fold")) section.hidden = !section.querySelector("figure[data-key]:not([hidden])");
    if (none) none.hidden = found > 0;
  };
  field("panel").addEventListener("input", showFound);
  // A link to one metric names it: what the bar found.
  field("panel").value = new URLSearchParams(location.search).get("panel") ?? "";
  if (field("panel").value) showFound();

  view.onChange(present);
  runs.onChange(present);
  present();
  form.hidden = false;
};
