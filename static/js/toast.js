// A toast says what was done, for eight seconds, and longer while it is pointed at or focused. What went wrong is never
// said by one: that stands in the page and stays.
//
// <div id="toasts" role="status" data-undo="Undo"></div>
// The server may put one there itself (components/toast.html, hx-swap-oob="beforeend:#toasts").

const STAYS = 8000;
const tray = document.getElementById("toasts");

const rest = (toast) => {
  let timer;
  const hold = () => clearTimeout(timer);
  const go = () => {
    hold();
    if (!toast.matches(":hover, :focus-within")) timer = setTimeout(() => toast.remove(), STAYS);
  };
  for (const kind of ["pointerenter", "focusin"]) toast.addEventListener(kind, hold);
  for (const kind of ["pointerleave", "focusout"]) toast.addEventListener(kind, () => setTimeout(go));
  go();
};

// `undo` takes back what was done; without it there is nothing to press.
export const toast = (words, undo) => {
  const node = document.createElement("div");
  node.className = "toast";
  const text = document.createElement("span");
  text.textContent = words;
  node.append(text);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = tray.dataset.undo;
    button.addEventListener("click", () => { node.remove(); undo(); });
    node.append(button);
  }
  tray.append(node);
};

if (tray) {
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) if (node.matches?.(".toast")) rest(node);
  }).observe(tray, { childList: true });
}
