// Histograms of a run. The server draws them; this asks for a key when it comes into view, turns the list of steps into
// a slider that shows the histogram of each step, and asks for what came since while the run goes on.

const LIVE_EVERY = 5000;
const AHEAD = "200px";

const fragment = (html) => document.createRange().createContextualFragment(html);
const shown = (step) => { const text = step.options[step.selectedIndex]?.textContent; return text ?? ""; };

class RidgePanel {
  #figure; #hold; #isAsked = false; #isVisible = false; #ones = new Map(); #wanted = null;

  constructor(figure) {
    this.#figure = figure;
    this.#hold = figure.querySelector(".hold");
    if (this.#drawn) { this.#isAsked = true; this.#wire(); }
  }

  get #drawn() { return this.#hold.querySelector(".drawn"); }
  get #select() { return this.#hold.querySelector("select[name=at]"); }
  get #isAtEnd() { return !this.#select || this.#select.selectedIndex === 0; }

  matches(words) { return this.#figure.dataset.ridge.toLowerCase().includes(words); }
  hide(isHidden) { this.#figure.hidden = isHidden; }

  setVisible(isVisible) {
    this.#isVisible = isVisible;
    if (isVisible && !this.#isAsked) { this.#isAsked = true; this.#load({}); }
  }

  // Ask whether anything came since. Who looks at an earlier step goes on looking at it.
  async follow() {
    if (!this.#isVisible || !this.#isAsked) return;
    const at = this.#isAtEnd ? {} : { at: this.#select.value };
    await this.#load({ cursor: this.#drawn?.dataset.cursor ?? "", ...at });
  }

  async #ask(part, more) {
    const { source, ridge: key } = this.#figure.dataset;
    try {
      const response = await fetch(`${source}/${part}?${new URLSearchParams({ key, ...more })}`);
      if (response.status === 204) return "";
      return response.ok ? await response.text() : null;
    } catch { return null; }
  }

  async #load(more) {
    const html = await this.#ask("ridge", more);
    if (html === "") return;
    if (html === null) { if (!this.#drawn) this.#sayFailed(); return; }
    const hadFocus = this.#hold.contains(document.activeElement) && document.activeElement.type === "range";
    const isOpen = this.#hold.querySelector("details.bins")?.open;
    this.#hold.replaceChildren(fragment(html));
    this.#ones.clear();
    if (!this.#drawn) return;
    this.#wire();
    if (isOpen) this.#hold.querySelector("details.bins").open = true;
    if (hadFocus) this.#hold.querySelector("input[type=range]").focus();
  }

  #sayFailed() {
    const line = document.createElement("p");
    line.className = "said";
    line.textContent = `${this.#figure.dataset.failed} `;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "link", textContent: this.#figure.dataset.retry });
    button.addEventListener("click", () => this.#load({}));
    line.append(button);
    this.#hold.replaceChildren(line);
  }

  // The newest step stands first in the list, and at the right end of the slider.
  #wire() {
    const select = this.#select;
    const form = select.form;
    const last = select.options.length - 1;
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: last, value: last - select.selectedIndex });
    range.setAttribute("aria-label", `${form.dataset.words}: ${this.#figure.dataset.ridge}`);
    const output = document.createElement("output");
    const say = () => { output.textContent = shown(select); range.setAttribute("aria-valuetext", shown(select)); };
    select.hidden = true;
    form.querySelector("button").hidden = true;
    select.after(range, output);
    say();
    range.addEventListener("input", () => { select.selectedIndex = last - range.value; say(); this.#choose(select.value); });
    form.addEventListener("submit", (event) => event.preventDefault());
    const svg = this.#hold.querySelector(".ridge svg");
    svg.dataset.ready = "";
    svg.addEventListener("click", (event) => {
      const path = event.target.closest("path");
      if (!path) return;
      range.value = [...svg.querySelectorAll("path")].indexOf(path);
      range.dispatchEvent(new Event("input"));
    });
  }

  async #choose(step) {
    this.#wanted = step;
    for (const path of this.#hold.querySelectorAll(".ridge path")) path.classList.toggle("chosen", path.dataset.step === step);
    const html = this.#ones.get(step) ?? await this.#ask("one", { at: step });
    if (html) this.#ones.set(step, html);
    if (!html || this.#wanted !== step) return; // meanwhile another was chosen
    const place = this.#hold.querySelector("[data-one]");
    const isOpen = place.querySelector("details.bins")?.open;
    place.replaceChildren(fragment(html));
    if (isOpen) place.querySelector("details.bins").open = true;
  }
}

const start = (box) => {
  const panels = new Map([...box.querySelectorAll("figure[data-ridge]")].map((figure) => [figure, new RidgePanel(figure)]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) panels.get(entry.target).setVisible(entry.isIntersecting);
  }, { rootMargin: AHEAD });
  for (const figure of panels.keys()) seen.observe(figure);

  const find = document.querySelector("[data-find-ridge]");
  if (find) {
    find.hidden = false;
    find.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.trim().toLowerCase();
      for (const panel of panels.values()) panel.hide(!panel.matches(words));
    });
  }
  if (!("live" in box.dataset)) return;
  const timer = setInterval(async () => {
    if (document.hidden) return;
    const isRunning = "running" in (document.querySelector("[data-run-state]")?.dataset ?? {});
    for (const panel of panels.values()) await panel.follow();
    // One more look after the run has ended, then rest.
    if (!isRunning) clearInterval(timer);
  }, LIVE_EVERY);
};

for (const box of document.querySelectorAll(".ridges")) start(box);
