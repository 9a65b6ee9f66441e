// The page of components: states that on other pages a pointer, a wait or a person brings about.

import { runs } from "./runs_shown.js";
import { Tip } from "./tip.js";
import { toast } from "./toast.js";

const table = document.querySelector("[data-specimen-table]");
const [, hot, chosen] = table.querySelectorAll("tbody tr");
table.dataset.ready = "";
hot.classList.add("hot");
chosen.setAttribute("aria-selected", "true");
chosen.querySelector("input[type=checkbox]").checked = true;

const figure = document.querySelector("[data-specimen-tip] figure");
const values = runs.all.slice(0, 3).map((run, place) => ({ run, value: 0.8412 - place * 0.0152 }));
new Tip(figure).show({ x: "36", key: "val/acc", values, near: values[1], left: 24 });

document.querySelector("[data-specimen-loading] figure").setAttribute("aria-busy", "true");
document.querySelector("[data-specimen-folded] details").open = false;

const button = document.querySelector("[data-specimen-toast]");
button.hidden = false;
button.addEventListener("click", () => toast(button.dataset.specimenToast, () => button.focus()));
