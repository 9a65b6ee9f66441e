// What asks again by itself rests while nobody looks, asks at once when somebody looks again, and ends with the run.

import { runs } from "./runs_shown.js";

// The charts ask every five seconds: once more after the run has ended.
const ONE_MORE_LOOK = 6000;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.getAttribute("hx-trigger")?.includes("every ")) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) window.htmx.trigger(document.body, "seen-again");
});
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id !== "drawn-run") return;
  const isLive = "live" in document.getElementById("drawn-run").dataset;
  if (isLive !== runs.all.some((run) => run.live)) setTimeout(() => runs.renew(), isLive ? 0 : ONE_MORE_LOOK);
});
