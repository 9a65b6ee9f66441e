// The choices above the charts: axis, scales, smoothing, runs or their groups, all of a zoomed axis again, finding panels.

import { tick } from "./figures.js";

// What a person typed as a regular expression; as plain text where it is none.
const expression = (text) => {
  try { return new RegExp(text, "iu"); } catch { return new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "i"); }
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

  field("panel").addEventListener("input", () => {
    const wanted = expression(field("panel").value.trim());
    let found = 0;
    for (const figure of figures) {
      figure.hidden = !wanted.test(figure.dataset.key);
      if (!figure.hidden) found += 1;
    }
    for (const section of document.querySelectorAll("details.fold")) section.hidden = !section.querySelector("figure[data-key]:not([hidden])");
    if (none) none.hidden = found > 0;
  });

  view.onChange(present);
  runs.onChange(present);
  present();
  form.hidden = false;
};
