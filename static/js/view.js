// How the charts of a page are looked at: axis, scales, smoothing, zoom, which runs. It is kept in the address of the
// page and nowhere else, so that a link shows what its sender saw.

const NAMES = ["x", "xs", "ys", "smooth", "zoom", "zx", "lines", "fold", "first", "hide", "show", "open", "width"];
const LOG = "log";
const RUNS = "runs";
const USUAL_FIRST = Number(document.querySelector("#drawn[data-grouped]") && document.querySelector("[data-most]")?.dataset.most) || 12;

const range = (text) => {
  const [low, high] = (text ?? "").split("~").map(Number);
  return Number.isFinite(low) && Number.isFinite(high) && low < high ? [low, high] : null;
};
const ids = (text) => new Set((text ?? "").split(".").filter(Boolean));
// A section's title is what stands before the first slash of its metrics.
const titles = (text) => new Set((text ?? "").split("/").filter(Boolean).map((title) => title.slice(1)));

class View {
  #listeners = [];
  #gliders = [];

  constructor() {
    const asked = new URLSearchParams(location.search);
    this.x = asked.get("x") ?? "";
    this.isLogX = asked.get("xs") === LOG;
    this.isLogY = asked.get("ys") === LOG;
    this.smoothing = Math.min(0.99, Math.max(0, Number(asked.get("smooth")) || 0));
    this.zoom = range(asked.get("zoom"));
    this.zoomAxis = asked.get("zx") ?? ""; // the axis that the zoom is a range of; every axis where none is named
    this.hasGroups = asked.get("lines") !== RUNS;
    this.folded = titles(asked.get("fold")); // sections that are not as the page has them
    this.first = asked.has("first") ? Number(asked.get("first")) || 0 : USUAL_FIRST; // so many are shown unasked
    this.hidden = ids(asked.get("hide"));
    this.added = ids(asked.get("show"));
    this.width = Number(asked.get("width")) || 0; // of the table
    this.open = ids(asked.get("open")); // groups of the table
    this.#keep();
  }

  onChange(listener) { this.#listeners.push(listener); }

  set(changes) {
    // A range of one axis means nothing on another.
    if ("x" in changes && changes.x !== this.x) changes.zoom = null;
    if (changes.zoom === null) changes.zoomAxis = "";
    Object.assign(this, changes);
    this.#keep();
    for (const listener of this.#listeners) listener(changes);
  }

  // The part of this axis that is looked at; null for all of it.
  zoomOf(axis) { return this.zoomAxis && this.zoomAxis !== axis ? null : this.zoom; }

  // While a hand pans or zooms the panels go with it; what is kept is where it rests.
  onGlide(listener) { this.#gliders.push(listener); }

  glide(axis, zoom, from) {
    for (const listener of this.#gliders) listener(axis, zoom, from);
  }

  // What the charts need not hear of.
  keep(changes) {
    Object.assign(this, changes);
    this.#keep();
  }

  #query() {
    const found = {
      x: this.x, xs: this.isLogX ? LOG : "", ys: this.isLogY ? LOG : "", smooth: this.smoothing || "",
      zoom: this.zoom?.join("~"), zx: this.zoom ? this.zoomAxis : "", lines: this.hasGroups ? "" : RUNS,
      fold: [...this.folded].map((title) => `-${title}`).join("/"), first: this.first === USUAL_FIRST ? "" : String(this.first), hide: [...this.hidden].join("."), show: [...this.added].join("."),
      open: [...this.open].join("."), width: this.width || "",
    };
    return NAMES.filter((name) => found[name]).map((name) => [name, String(found[name])]);
  }

  // Into the address, and into what on this page leads back to it: heads of columns, pages, the filter.
  #keep() {
    const here = new URL(location.href);
    const renew = (url) => {
      for (const name of NAMES) url.searchParams.delete(name);
      for (const [name, value] of this.#query()) url.searchParams.set(name, value);
      return url.href;
    };
    history.replaceState(history.state, "", renew(here));
    for (const link of document.querySelectorAll("main a[href], .filter a[href]")) {
      const url = new URL(link.href);
      if (url.origin === location.origin && url.pathname === location.pathname) link.href = renew(url);
    }
    for (const form of document.querySelectorAll("form[data-keeps-view]")) {
      for (const name of NAMES) form.querySelector(`input[type=hidden][name="${name}"]`)?.remove();
      for (const [name, value] of this.#query()) {
        const field = document.createElement("input");
        Object.assign(field, { type: "hidden", name, value });
        form.append(field);
      }
    }
  }
}

export const view = new View();
