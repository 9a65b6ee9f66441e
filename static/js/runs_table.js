// The runs table: eyes, choosing several, sorting by several, editing in place, columns.

import { swatchClass } from "./colours.js";
import { RowEditor } from "./row_editor.js";
import { RowsInSight } from "./rows_in_sight.js";
import { runs } from "./runs_shown.js";
import { view } from "./view.js";

const chosen = new Set();

const paint = (row) => {
  const isShown = runs.isShown(row.dataset.run);
  row.classList.toggle("off", !isShown);
  row.querySelector(".swatch").className = `swatch ${isShown ? swatchClass(Number(row.dataset.colour)) : "none"}`;
  row.querySelector("[data-eye]").setAttribute("aria-pressed", isShown);
  const isChosen = chosen.has(row.dataset.run);
  row.querySelector("input[name=runs]").checked = isChosen;
  row.setAttribute("aria-selected", isChosen);
};

const wireChoosing = (table, strip, repaint) => {
  const words = strip.querySelector("[role=status]");
  const empty = words.textContent;
  const present = () => {
    words.textContent = chosen.size ? `${chosen.size} ${words.dataset.words}` : empty;
    strip.hidden = !chosen.size;
    strip.querySelector("[type=submit]").disabled = chosen.size < 2;
    repaint();
  };
  table.addEventListener("change", (event) => {
    if (event.target.name !== "runs") return;
    if (event.target.checked) chosen.add(event.target.value); else chosen.delete(event.target.value);
    present();
  });
  strip.addEventListener("reset", (event) => { event.preventDefault(); chosen.clear(); present(); });
  // Rows out of sight are chosen as well.
  strip.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`${strip.action}?runs=${[...chosen].join(",")}`);
  });
  // The browser may have kept boxes ticked from before.
  for (const box of table.querySelectorAll("input[name=runs]:checked")) chosen.add(box.value);
  present();
};

const wireColumns = (form) => {
  const find = form.querySelector("[data-find]");
  find.hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const label of form.querySelectorAll(".boxes label")) label.hidden = !label.textContent.toLowerCase().includes(wanted);
  });
};

const start = (table) => {
  const editor = new RowEditor(table);
  const rows = new RowsInSight(table, paint);
  const repaint = () => { for (const row of table.querySelectorAll("tr[data-run]")) paint(row); };

  table.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-run]");
    if (event.target.closest("[data-eye]")) runs.toggle(row);
    const head = event.target.closest("a.sort");
    if (head && event.shiftKey) { event.preventDefault(); location.assign(head.dataset.also); }
    const pen = event.target.closest("[data-pen]");
    if (pen && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      editor.open(pen.href, row, () => rows.renew(row));
    }
  });
  view.onChange(repaint);
  wireChoosing(table, document.querySelector("form.chosen"), repaint);
  table.dataset.ready = "";
};

const table = document.querySelector("table[data-rows]");
if (table) start(table);
const columns = document.querySelector("form[data-columns]");
if (columns) wireColumns(columns);
