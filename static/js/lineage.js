// The picture of a lineage: larger and smaller, dragged by its ground, the lines of the box under the pointer marked.
// Without this script it scrolls.

const STEP = 1.25, LEAST = 0.2, MOST = 2.5, FAR = 4;

const wire = (box) => {
  const svg = box.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  let scale = 1;

  const show = (next) => {
    const middle = (box.scrollLeft + box.clientWidth / 2) / (width * scale);
    const centre = (box.scrollTop + box.clientHeight / 2) / (height * scale);
    scale = Math.min(MOST, Math.max(LEAST, next));
    svg.setAttribute("width", Math.round(width * scale));
    svg.setAttribute("height", Math.round(height * scale));
    box.dataset.scale = scale.toFixed(2);
    box.scrollLeft = middle * width * scale - box.clientWidth / 2;
    box.scrollTop = centre * height * scale - box.clientHeight / 2;
  };
  const fit = () => show(Math.min(1, box.clientWidth / width));

  const buttons = document.querySelector("[data-zoom]");
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const by = event.target.closest("[data-zoom-by]")?.dataset.zoomBy;
    if (by === "0") fit();
    else if (by) show(by === "1" ? scale * STEP : scale / STEP);
  });

  // What was pressed on the ground moves it; a box stays a link.
  let held = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch" || event.target.closest("a")) return;
    held = { x: event.clientX + box.scrollLeft, y: event.clientY + box.scrollTop };
    svg.setPointerCapture(event.pointerId);
    box.classList.add("is-held");
  });
  svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    box.scrollLeft = held.x - event.clientX;
    box.scrollTop = held.y - event.clientY;
  });
  const drop = () => { held = null; box.classList.remove("is-held"); };
  svg.addEventListener("pointerup", drop);
  svg.addEventListener("pointercancel", drop);

  // Each line begins and ends in the middle of a side of its boxes.
  const lines = [...svg.querySelectorAll(".edges path")].map((path) => {
    const numbers = path.getAttribute("d").match(/-?\d+/g).map(Number);
    return { path, from: numbers.slice(0, 2), to: numbers.slice(-2) };
  });
  const mark = (node) => {
    const rect = node?.querySelector("rect:not(.behind, .stripe)");
    const [x, y, w, h] = rect ? ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name))) : [];
    const touches = ([px, py], side) => rect && Math.abs(px - side) < FAR && Math.abs(py - (y + h / 2)) < FAR;
    for (const { path, from, to } of lines) path.classList.toggle("is-near", Boolean(touches(from, x + w) || touches(to, x)));
  };
  for (const kind of ["pointerover", "focusin"]) svg.addEventListener(kind, (event) => mark(event.target.closest("a")));

  const here = svg.querySelector("[aria-current] rect");
  if (here && width > box.clientWidth) {
    box.scrollLeft = Number(here.getAttribute("x")) - box.clientWidth / 2 + 100;
    box.scrollTop = Number(here.getAttribute("y")) - box.clientHeight / 2;
  }
};

for (const box of document.querySelectorAll("[data-lineage]")) wire(box);
