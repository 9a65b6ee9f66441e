// The media of a run. The server shows every step; this turns the field for the step into a slider, asks for a panel in
// place, shows one picture over the whole screen, and asks for what came since while the run goes on.

const LIVE_EVERY = 5000;
const SETTLED = 120;

const fragment = (html) => document.createRange().createContextualFragment(html);

class MediaPanel {
  #figure; #hold; #asked = 0; #timer = null;

  constructor(figure) {
    this.#figure = figure;
    this.#hold = figure.querySelector(".hold");
    this.#wire();
  }

  get key() { return this.#figure.dataset.media; }
  get #shown() { return this.#hold.querySelector(".shown"); }
  get #form() { return this.#hold.querySelector(".steps-form"); }
  get steps() { return (this.#form?.dataset.steps ?? "").split(" ").filter(Boolean); }
  get at() { return this.#shown?.dataset.at ?? ""; }
  get label() { return this.#shown?.dataset.label ?? ""; }
  get pictures() { return [...this.#hold.querySelectorAll("a[data-full]")]; }
  get isAtEnd() { return this.steps.at(-1) === this.at; }

  matches(words) { return this.key.toLowerCase().includes(words); }
  hide(isHidden) { this.#figure.hidden = isHidden; }

  async show(step, { isQuiet = false } = {}) {
    const turn = ++this.#asked;
    const asked = new URLSearchParams(new FormData(this.#form));
    asked.set("key", this.key);
    asked.set("at", step);
    if (this.#figure.parentElement.classList.contains("single")) asked.set("all", "1");
    if (isQuiet) asked.set("cursor", this.#shown.dataset.cursor);
    else this.#shown.setAttribute("aria-busy", "true");
    let html = null;
    try {
      const response = await fetch(`${this.#figure.dataset.source}/panel?${asked}`);
      if (response.status === 204) return false;
      if (response.ok) html = await response.text();
    } catch { /* said below */ }
    if (turn !== this.#asked) return false; // meanwhile another step was chosen
    this.#shown.removeAttribute("aria-busy");
    if (html === null) { if (!isQuiet) this.#say(this.#figure.dataset.failed); return false; }
    const kept = this.#focused();
    this.#hold.replaceChildren(fragment(html));
    this.#wire();
    if (kept) this.#hold.querySelector(kept)?.focus();
    return true;
  }

  // What had the focus, as what stands in its place can be found.
  #focused() {
    const active = document.activeElement;
    if (!this.#hold.contains(active)) return "";
    if (active.type === "range") return "input[type=range]";
    if (active.type === "checkbox") return `input[value="${CSS.escape(active.value)}"]`;
    return active.rel ? `a[rel=${active.rel}], input[type=range]` : "";
  }

  #say(words) {
    this.#hold.querySelector(".said.failed")?.remove();
    const line = document.createElement("p");
    line.className = "said failed";
    line.setAttribute("role", "alert");
    line.textContent = words;
    this.#form.before(line);
  }

  #wire() {
    const form = this.#form;
    if (!form) return;
    form.addEventListener("submit", (event) => { event.preventDefault(); this.show(form.elements.at.value); });
    form.addEventListener("change", (event) => { if (event.target.type === "checkbox") this.show(this.at); });
    form.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-step]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.show(link.dataset.step);
    });
    form.querySelector("button[type=submit]")?.setAttribute("hidden", "");
    if (this.steps.length > 1) this.#slide(form.elements.at);
    for (const image of this.#hold.querySelectorAll("img.base")) {
      image.addEventListener("error", () => this.#lost(image), { once: true });
    }
    this.#figure.dispatchEvent(new CustomEvent("media-shown", { bubbles: true }));
  }

  #slide(field) {
    const steps = this.steps;
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: steps.length - 1, value: steps.indexOf(this.at) });
    range.setAttribute("aria-label", field.getAttribute("aria-label"));
    range.setAttribute("aria-valuetext", this.label);
    field.type = "hidden";
    field.after(range);
    const output = this.#form.querySelector("output");
    range.addEventListener("input", () => {
      const step = steps[range.value];
      field.value = step;
      output.textContent = step;
      range.setAttribute("aria-valuetext", step);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.show(step), SETTLED);
    });
  }

  #lost(image) {
    const line = document.createElement("span");
    line.className = "said";
    line.textContent = this.#figure.dataset.gone;
    image.closest(".layers").replaceChildren(line);
  }

  // Whoever looks at an earlier step goes on looking at it.
  async follow() { if (this.isAtEnd && !this.#hold.contains(document.activeElement)) await this.show("", { isQuiet: true }); }
}

class Viewer {
  #dialog; #panel = null; #place = 0;

  constructor(dialog) {
    this.#dialog = dialog;
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    for (const button of dialog.querySelectorAll("[data-go]")) button.addEventListener("click", () => this.#go(button.dataset.go));
    dialog.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const act = { ArrowLeft: () => this.#go("earlier"), ArrowRight: () => this.#go("later"), ArrowUp: () => this.#move(-1), ArrowDown: () => this.#move(1) }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    dialog.addEventListener("close", () => { this.#panel?.pictures[this.#place]?.focus(); this.#panel = null; });
  }

  open(panel, picture) {
    this.#panel = panel;
    this.#place = Math.max(0, panel.pictures.indexOf(picture));
    this.#draw();
    this.#dialog.showModal();
    this.#dialog.querySelector("[data-close]").focus(); // rather than what erases
  }

  #draw() {
    const find = (name) => this.#dialog.querySelector(`[data-${name}]`);
    const pictures = this.#panel.pictures;
    this.#place = Math.min(this.#place, Math.max(0, pictures.length - 1));
    const picture = pictures[this.#place];
    find("title").textContent = this.#panel.key;
    find("step").textContent = this.#panel.label;
    const layers = picture?.querySelector(".layers").cloneNode(true);
    for (const image of layers?.querySelectorAll("img") ?? []) image.loading = "eager";
    const base = layers?.querySelector("img.base");
    if (base?.dataset.whole) base.src = base.dataset.whole; // a grid shows small ones
    find("hold").replaceChildren(...(layers ? [layers] : []));
    find("caption").textContent = picture?.parentElement.querySelector(".caption")?.title ?? "";
    find("place").textContent = pictures.length > 1 ? `${this.#place + 1} / ${pictures.length}` : "";
    const erase = find("erase"); // where the reader may
    if (erase) {
      erase.hidden = !picture;
      if (picture) erase.href = erase.dataset.erase + picture.dataset.full;
    }
    const at = this.#panel.steps.indexOf(this.#panel.at);
    this.#dialog.querySelector("[data-go=earlier]").disabled = at <= 0;
    this.#dialog.querySelector("[data-go=later]").disabled = at < 0 || at >= this.#panel.steps.length - 1;
  }

  async #go(where) {
    const { steps, at } = this.#panel;
    const step = steps[steps.indexOf(at) + (where === "later" ? 1 : -1)];
    if (step !== undefined && await this.#panel.show(step)) this.#draw();
  }

  #move(by) {
    const { length } = this.#panel.pictures;
    this.#place = (this.#place + by + length) % length;
    this.#draw();
  }
}

const start = (box) => {
  const panels = new Map([...box.querySelectorAll("figure[data-media]")].map((figure) => [figure, new MediaPanel(figure)]));
  const dialog = document.querySelector("[data-viewer]");
  const viewer = dialog && new Viewer(dialog);
  box.addEventListener("click", (event) => {
    const picture = event.target.closest("a[data-full]");
    if (!picture || !viewer || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    viewer.open(panels.get(picture.closest("figure")), picture);
  });

  const find = document.querySelector("[data-find-media]");
  if (find) {
    find.hidden = false;
    find.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.trim().toLowerCase();
      for (const panel of panels.values()) panel.hide(!panel.matches(words));
    });
  }
  if (!("live" in box.dataset)) return;
  const timer = setInterval(async () => {
    if (document.hidden || dialog?.open) return;
    const isRunning = "running" in (document.querySelector("[data-run-state]")?.dataset ?? {});
    for (const panel of panels.values()) await panel.follow();
    if (!isRunning) clearInterval(timer); // one more look after the run has ended, then rest
  }, LIVE_EVERY);
};

for (const box of document.querySelectorAll(".panels.media")) start(box);
