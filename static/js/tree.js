// Trees of values: what is under the pointer or the focus can be copied, arrows move from line to line, and a tree that
// comes anew while a run goes on leaves folds, and what was read on, as they are.

const SAID_FOR = 1600;
const ROW = ".row[data-at]";

const rowsOf = (box) => [...box.querySelectorAll(ROW)];
const pathOf = (row) => JSON.parse(row.dataset.at).join(".");
const shownValue = (row) => row.querySelector(".v bdi")?.textContent ?? "";

// Two buttons that move to the line that is looked at.
const copiesOf = (box) => {
  const copies = document.createElement("span");
  copies.className = "copies";
  const button = (kind, words, text) => {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "link", textContent: words });
    made.dataset.kind = kind;
    made.addEventListener("click", async (event) => {
      event.preventDefault();
      await navigator.clipboard.writeText(text(made.closest(ROW)));
      made.textContent = box.dataset.copied;
      setTimeout(() => { made.textContent = words; }, SAID_FOR);
    });
    copies.append(made);
  };
  button("path", box.dataset.copyPath, pathOf);
  button("value", box.dataset.copyValue, (row) => row.dataset.value ?? shownValue(row));
  return copies;
};

const wireCopies = (box) => {
  if (!navigator.clipboard) return;
  const copies = copiesOf(box);
  const show = (event) => {
    const row = event.target.closest?.(ROW);
    if (!row || copies.parentElement === row || (copies.contains(document.activeElement) && event.type === "pointerover")) return;
    // What stands elsewhere has its whole value behind its own link.
    copies.lastElementChild.hidden = row.matches("summary") || (Boolean(row.querySelector(".whole")) && !row.dataset.value);
    row.append(copies);
  };
  box.addEventListener("pointerover", show);
  box.addEventListener("focusin", show);
};

// One line can be tabbed to; arrows move from there, over what is unfolded.
const wireArrows = (box) => {
  const put = (row) => {
    for (const other of box.querySelectorAll(`${ROW}[tabindex="0"]`)) other.tabIndex = -1;
    row.tabIndex = 0;
  };
  const begin = () => {
    const rows = rowsOf(box);
    for (const row of rows) if (!row.hasAttribute("tabindex")) row.tabIndex = -1;
    if (rows[0] && !box.querySelector(`${ROW}[tabindex="0"]`)) rows[0].tabIndex = 0;
  };
  box.addEventListener("focusin", (event) => { if (event.target.matches(ROW)) put(event.target); });
  box.addEventListener("keydown", (event) => {
    if (!event.target.matches(ROW) || !["ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft"].includes(event.key)) return;
    event.preventDefault();
    const branch = event.target.matches("summary") ? event.target.parentElement : null;
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      if (branch) branch.open = event.key === "ArrowRight";
      return;
    }
    const rows = rowsOf(box).filter((row) => row.checkVisibility());
    rows[rows.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  });
  begin();
  return begin;
};

// Put the values of a fresh tree into the one that stands there. False when it has lines that this one has not.
const renewed = (box, fresh) => {
  const held = new Map(rowsOf(box).map((row) => [row.dataset.at, row]));
  const rows = [...fresh.querySelectorAll(ROW)];
  if (!rows.length || !rows.every((row) => held.get(row.dataset.at)?.matches(row.matches("summary") ? "summary" : "li"))) return false;
  for (const row of rows) {
    const mine = held.get(row.dataset.at);
    const [value, now] = [mine.querySelector(".v bdi") ?? mine.querySelector(".v"), row.querySelector(".v bdi") ?? row.querySelector(".v")];
    if (value.textContent !== now.textContent) { value.textContent = now.textContent; if (now.title) value.title = now.title; }
    if (row.dataset.value === undefined) delete mine.dataset.value; else mine.dataset.value = row.dataset.value;
  }
  return true;
};

const foldsOf = (box) => new Map([...box.querySelectorAll("details")].map((one) => [one.querySelector(ROW)?.dataset.at, one.open]));

const start = (box) => {
  wireCopies(box);
  const begin = wireArrows(box);
  let folds = null;
  box.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target !== box) return;
    const isLive = event.detail.requestConfig.elt === box;
    if (isLive && renewed(box, new DOMParser().parseFromString(event.detail.serverResponse, "text/html"))) {
      event.detail.shouldSwap = false;
      return;
    }
    folds = isLive ? foldsOf(box) : null;
  });
  box.addEventListener("htmx:afterSwap", () => {
    if (folds) {
      for (const one of box.querySelectorAll("details")) {
        const before = folds.get(one.querySelector(ROW)?.dataset.at);
        if (before !== undefined) one.open = before;
      }
      folds = null;
    }
    begin();
  });
  box.dataset.ready = "";
};

for (const box of document.querySelectorAll(".tree-box")) start(box);
