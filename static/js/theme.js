// The colours of a canvas, as the tokens resolve in the present theme. Tokens hold light-dark(), which only resolves on
// an element, so each colour is read from one that carries its class.

export class Theme {
  #box;
  #cache = new Map();
  #listeners = [];

  constructor(box) {
    this.#box = box;
    const changed = () => { this.#cache.clear(); for (const listener of this.#listeners) listener(); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
    new MutationObserver(changed).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  onChange(listener) { this.#listeners.push(listener); }

  // The text colour of an element with this class: "run-3", "ink-3", "rule".
  of(className) {
    if (!this.#cache.has(className)) {
      const probe = document.createElement("span");
      probe.className = `probe ${className}`;
      this.#box.append(probe);
      this.#cache.set(className, getComputedStyle(probe).color);
      probe.remove();
    }
    return this.#cache.get(className);
  }
}
