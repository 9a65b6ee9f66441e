// The choices above the charts: axis, scales, smoothing, all of a zoomed axis again, finding a panel.

import { tick } from "./figures.js";

export const wireTools = (form, view, { figures }) => {
  const field = (name) => form.elements[name];
  const all = form.querySelector("[data-all]");
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
    all.hidden = !view.zoom;
    if (view.zoom) all.title = view.zoom.map(tick).join(" – ");
  };

  field("x").addEventListener("change", () => view.set({ x: field("x").value }));
  field("xs").addEventListener("change", () => view.set({ isLogX: field("xs").checked }));
  field("ys").addEventListener("change", () => view.set({ isLogY: field("ys").checked }));
  field("smooth").addEventListener("input", () => view.set({ smoothing: Number(field("smooth").value) }));
  all.addEventListener("click", () => view.set({ zoom: null }));
  form.addEventListener("submit", (event) => event.preventDefault());

  const showFound = () => {
    const wanted = field("panel").value.trim().toLowerCase();
    for (const figure of figures) figure.hidden = !figure.dataset.key.toLowerCase().includes(wanted);
    for (const section of document.querySelectorAll("details.fold")) section.hidden = !section.querySelector("figure[data-key]:not([hidden])");
  };
  field("panel").addEventListener("input", showFound);
  // A link to one metric names it: what the bar found.
  field("panel").value = new URLSearchParams(location.search).get("panel") ?? "";
  if (field("panel").value) showFound();

  view.onChange(present);
  present();
  form.hidden = false;
};
