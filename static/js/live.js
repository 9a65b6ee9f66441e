// What asks again by itself rests while nobody looks, and asks at once when somebody looks again.

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.getAttribute("hx-trigger")?.includes("every ")) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) window.htmx.trigger(document.body, "seen-again");
});
