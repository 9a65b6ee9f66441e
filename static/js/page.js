// What every page does: copy buttons, buttons that say that they are busy, toasts.

import "./toast.js";

// htmx notes the address of each page for a history that is switched off here. Addresses hold names that people chose.
sessionStorage.clear();

const copied = async (button) => {
  const text = button.closest("[data-copy]").querySelector("pre").innerText;
  await navigator.clipboard.writeText(text);
  const word = button.querySelector("[data-copy-word]");
  const before = word.textContent;
  word.textContent = word.dataset.copyWord;
  setTimeout(() => { word.textContent = before; }, 2000);
};

for (const button of document.querySelectorAll("[data-copy-button]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => copied(button));
}

// What is shown once came as the answer to a form. Loaded again, the page comes as it is without it, and makes no second one.
const shownOnce = document.querySelector("[data-stands-at]");
if (shownOnce) history.replaceState(null, "", shownOnce.dataset.standsAt);

// Where tabs scroll, the page's own is in sight.
for (const here of document.querySelectorAll(".tabs [aria-current]")) {
  const list = here.closest("ul");
  const over = here.getBoundingClientRect().right - list.getBoundingClientRect().right;
  if (over <= 0) continue;
  list.scrollLeft += over + 12;
  // What stands first then is whole.
  const start = list.getBoundingClientRect().left;
  const first = [...list.children].map((tab) => tab.getBoundingClientRect()).find((tab) => tab.right > start);
  if (first.left >= start) continue;
  const { paddingInlineEnd: end } = getComputedStyle(list);
  list.style.setProperty("padding-inline-end", `calc(${end} + ${Math.ceil(first.right - start)}px)`); // also at its end
  list.scrollLeft += first.right - start;
}

// A menu closes when one looks elsewhere, and on Escape.
const openMenus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("pointerdown", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) { menu.open = false; menu.querySelector("summary").focus(); }
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button && !event.defaultPrevented) button.setAttribute("aria-busy", "true");
});
// A page that comes back from the browser's memory is ready again.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
});
