// The border between the table and the charts, which can be moved with the pointer and with the arrow keys. Where it
// was put stands in the address.
//
// <div data-border role="separator" aria-orientation="vertical" tabindex="0">

import { view } from "./view.js";

const STEP = 24;
const LEAST = 320;

export const wireBorder = (border) => {
  const split = border.parentElement;
  const most = () => Math.max(LEAST, split.clientWidth - LEAST);
  const width = () => Math.round(border.previousElementSibling.getBoundingClientRect().width);
  const say = () => {
    border.setAttribute("aria-valuenow", width());
    border.setAttribute("aria-valuemin", LEAST);
    border.setAttribute("aria-valuemax", most());
  };
  const put = (wanted) => {
    split.style.setProperty("--table", `${Math.round(Math.min(most(), Math.max(LEAST, wanted)))}px`);
    say();
  };
  const keep = () => view.keep({ width: width() });
  border.hidden = false;
  if (view.width) put(view.width); else say();
  border.addEventListener("pointerdown", (event) => { border.setPointerCapture(event.pointerId); event.preventDefault(); border.focus(); });
  border.addEventListener("pointermove", (event) => {
    if (border.hasPointerCapture(event.pointerId)) put(event.clientX - split.getBoundingClientRect().left);
  });
  border.addEventListener("lostpointercapture", keep);
  border.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: width() - STEP, ArrowRight: width() + STEP, Home: LEAST, End: most() };
    if (!Object.hasOwn(ways, event.key)) return;
    event.preventDefault();
    put(ways[event.key]);
    keep();
  });
};
