// While the page is looked at it asks every few seconds whether any run came, went or changed. Nearly always the answer
// is that none did, and then nothing happens.
//
// <main data-live="/alice/vision/live?…" data-version="…">

import { runs } from "./runs_shown.js";

const EVERY = 4000;

// The parts of the page that the answer brings anew, each by its id.
const take = (answer) => {
  for (const part of answer.querySelectorAll("[id]")) {
    const held = document.getElementById(part.id);
    if (held && !held.isEqualNode(part)) held.replaceWith(part);
  }
};

// A page that shows too little of what there is now is asked for again, unless somebody is at work on it.
const isAtWork = () => document.activeElement?.closest?.("input, textarea, select") || document.querySelector("input[name=runs]:checked");

export const followTable = (main, { rows, table }) => {
  let isAsking = false;
  const ask = async () => {
    if (document.hidden || isAsking) return;
    isAsking = true;
    const url = new URL(main.dataset.live, location.href);
    url.searchParams.set("version", main.dataset.version);
    for (const name of ["first", "hide", "show"]) {
      const asked = new URLSearchParams(location.search).get(name);
      if (asked !== null) url.searchParams.set(name, asked);
    }
    const response = await fetch(url).catch(() => null);
    if (response?.status === 200) await receive(await response.text());
    isAsking = false;
  };
  const receive = async (text) => {
    const holder = document.createElement("template");
    holder.innerHTML = text;
    const facts = holder.content.querySelector("[data-version]").dataset;
    const isMore = (!rows && Number(facts.length)) || (!document.querySelector("[data-charts]") && Number(facts.panels));
    if (isMore && !isAtWork()) { location.reload(); return; }
    main.dataset.version = facts.version;
    if (table) table.dataset.found = facts.found;
    take(holder.content);
    await rows?.refresh();
    runs.renew();
  };
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
};
