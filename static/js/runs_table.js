// The runs table: eyes, choosing, sorting by several, groups, editing in place, columns, keys; and what is live in it.

import { wireBorder } from "./border.js";
import { Choosing } from "./choosing.js";
import { swatchClass } from "./colours.js";
import { followTable } from "./live_table.js";
import { RowEditor } from "./row_editor.js";
import { RowsInSight } from "./rows_in_sight.js";
import { runs } from "./runs_shown.js";
import { wireKeys } from "./table_keys.js";
import { view } from "./view.js";

const paintEye = (row) => {
  const isShown = row.dataset.run ? runs.isShown(row.dataset.run) : runs.shown.some((run) => run.group === row.dataset.group);
  row.classList.toggle("off", !isShown);
  row.querySelector(".swatch").className = `swatch ${isShown ? swatchClass(runs.of(row.dataset.run)?.colour ?? Number(row.dataset.groupColour)) : "none"}`;
  row.querySelector("[data-eye]")?.setAttribute("aria-pressed", isShown);
};

const wireColumns = (form) => {
  const find = form.querySelector("[data-find]");
  find.hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const label of form.querySelectorAll(".boxes label")) label.hidden = !label.textContent.toLowerCase().includes(wanted);
  });
};

const wireEyes = (menu, choosing) => {
  const acts = {
    first: () => runs.showFirst(Number(menu.dataset.first)),
    none: () => runs.showFirst(0),
    chosen: () => runs.showOnly(choosing.rows),
  };
  for (const button of document.querySelectorAll("[data-show]")) {
    button.hidden = false;
    button.addEventListener("click", () => { acts[button.dataset.show](); menu.open = false; });
  }
  menu.hidden = false;
};

const startTable = (table) => {
  const editor = new RowEditor(table);
  let choosing = null;
  const rows = new RowsInSight(table, (row) => { paintEye(row); if (row.dataset.run) choosing?.paint(row); });
  choosing = new Choosing(table, document.querySelector("form.chosen"), rows);
  const repaint = () => { for (const row of table.querySelectorAll("tr[data-run], tr[data-group]")) paintEye(row); };

  const fold = (link) => {
    const open = new Set(view.open);
    if (!open.delete(link.dataset.fold)) open.add(link.dataset.fold);
    view.keep({ open });
    rows.ask({ open: [...open].join(".") });
  };
  const look = (row, isOnly) => { if (isOnly) runs.showOnly([row]); else runs.toggle(row); };

  table.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-run]");
    const isPlain = !event.ctrlKey && !event.metaKey;
    if (event.target.closest("[data-eye]")) look(row, event.altKey);
    const head = event.target.closest("a.sort");
    if (head && event.shiftKey) { event.preventDefault(); location.assign(head.dataset.also); }
    const pen = event.target.closest("[data-pen]");
    if (pen && isPlain) { event.preventDefault(); editor.open(pen.href, row, () => rows.refresh()); }
    const folding = event.target.closest("[data-fold]");
    if (folding && isPlain) { event.preventDefault(); fold(folding); }
  });
  view.onChange(repaint);
  runs.onChange(repaint);
  const eyes = document.querySelector("[data-eyes]");
  if (eyes) wireEyes(eyes, choosing);
  table.dataset.ready = "";
  return { rows, choose: (row) => choosing.toggle(row), look: (row) => look(row, false) };
};

const main = document.querySelector("main[data-live]");
const table = document.querySelector("table[data-rows]");
const started = table ? startTable(table) : {};
wireKeys({ filter: document.querySelector("input[list=completions]"), ...started });
followTable(main, { rows: started.rows, table });
const columns = document.querySelector("form[data-columns]");
if (columns) wireColumns(columns);
const border = document.querySelector("[data-border]");
if (border) wireBorder(border);
