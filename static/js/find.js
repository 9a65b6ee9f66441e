// The palette: opened from the bar or with Ctrl K on every page. The answers are links, so arrows move the focus among
// them and Enter is the browser's own.

const palette = document.getElementById("palette");
const opener = document.querySelector("[data-palette]");

const isAsked = (event) => (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";

const wire = () => {
  const form = palette.querySelector("form");
  const field = form.elements.q;
  const found = palette.querySelector("#found");
  const links = () => [...found.querySelectorAll("a[href]")];

  const open = () => {
    if (palette.open) return;
    palette.showModal();
    field.select();
    htmx.trigger(field, "opened");
  };

  const typeOn = () => {
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  };

  const move = (step) => {
    const stops = [field, ...links()];
    const next = stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length];
    if (next === field) typeOn(); else next.focus();
  };

  opener.addEventListener("click", (event) => { event.preventDefault(); open(); });
  document.addEventListener("keydown", (event) => {
    if (!isAsked(event)) return;
    event.preventDefault();
    open();
  });

  palette.addEventListener("keydown", (event) => {
    event.stopPropagation(); // keys of the page behind do nothing here
    if (isAsked(event)) {
      event.preventDefault();
      typeOn();
    }
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.preventDefault(); // in a search field the first one would only empty it
      palette.close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (document.activeElement !== field && (event.key.length === 1 || event.key === "Backspace")) {
      typeOn(); // the key that was pressed lands there
    }
  });

  // Enter opens the first answer, once it answers what stands there; sooner than that, the page with all answers.
  form.addEventListener("submit", (event) => {
    const answered = found.querySelector("[data-found-for]")?.dataset.foundFor;
    const [first] = links();
    if (!first || answered !== field.value.trim()) return;
    event.preventDefault();
    first.click();
  });

  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
};

if (palette && opener && typeof palette.showModal === "function") wire();
