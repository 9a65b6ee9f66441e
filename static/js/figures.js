// Numbers as the pages write them (apps/web/figures.py writes them the same way).

const THIN = "\u2009";
const grouped = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
const short = (value, digits) => value.toExponential(digits).replace("e+", "e");

// A value at a precision at which several line up.
export const figure = (value) => {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 0.001)) return short(value, 2);
  if (Number.isInteger(value)) return grouped(String(value));
  if (size >= 1000) { const [whole, part] = value.toFixed(1).split("."); return grouped(whole) + (part === "0" ? "" : `.${part}`); }
  return size < 10 ? value.toFixed(4) : value.toFixed(2);
};

// A tick of an axis: 0, 250, 2.5k, 5e-4.
export const tick = (value) => {
  const size = Math.abs(value);
  if (size >= 1e9) return short(value, 1).replace(".0e", "e");
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1000) return `${Number((value / 1000).toPrecision(4))}k`;
  if (size > 0 && size < 0.001) return short(Number(value.toPrecision(2)), 1).replace(".0e", "e");
  return String(Number(value.toPrecision(6)));
};
