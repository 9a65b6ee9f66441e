// Single keys over the table: j and k go through the rows, x chooses one, e opens its eye, Enter opens it as a link
// does, and / goes to the filter. Never while somebody types, and not at all where they are switched off.

import { placeOf } from "./rows_in_sight.js";

const isTyping = ({ target }) =>
  target.closest?.("textarea, select, [contenteditable], input:not([type=checkbox])") !== null && target !== document.body;

export const wireKeys = ({ filter, rows, choose, look }) => {
  const current = () => document.activeElement?.closest?.("tr[aria-rowindex]:not(thead tr)") ?? null;
  const go = async (by) => {
    const row = current();
    const next = row ? await rows.reach(placeOf(row) + by) : rows.firstInSight();
    next?.querySelector("td.name a")?.focus({ preventScroll: true });
  };
  const onRun = (act) => { const row = current(); if (row?.dataset.run) act(row); };
  const acts = {
    "/": () => filter?.focus(),
    j: () => rows && go(1),
    k: () => rows && go(-1),
    x: () => onRun(choose),
    e: () => onRun(look),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    if (document.body.dataset.singleKeys === "off" || !Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key]();
  });
};
