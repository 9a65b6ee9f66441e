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

const two = (number) => String(number).padStart(2, "0");
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const lasting = (seconds) => {
  const size = Math.abs(seconds);
  if (size < MINUTE) return `${Number(seconds.toPrecision(3))} s`;
  const whole = Math.round(size);
  const [hours, minutes, rest] = [Math.floor(whole / HOUR), Math.floor((whole % HOUR) / MINUTE), whole % MINUTE];
  if (hours && rest) return `${hours}:${two(minutes)}:${two(rest)}`;
  return hours ? `${hours}:${two(minutes)} h` : `${minutes}:${two(rest)} min`;
};
const clock = (seconds, every) => {
  const date = new Date(seconds * 1000);
  const isMidnight = date.getHours() + date.getMinutes() + date.getSeconds() === 0;
  if (every >= DAY || isMidnight) return date.toLocaleDateString(document.documentElement.lang || "en", { day: "numeric", month: "short" });
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return every < MINUTE ? `${time}:${two(date.getSeconds())}` : time;
};

// How far apart the ticks of a running time may be, so that they fall on whole minutes and hours.
export const RUNNING_STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, MINUTE, 120, 300, 600, 900, 1800, HOUR, 7200, 10800, 21600, 43200,
  DAY, 2 * DAY, 5 * DAY, 10 * DAY, 20 * DAY, 50 * DAY, 100 * DAY];

export const ticksOf = (axis, ticks, every) => ticks.map((one) => {
  if (one == null) return null;
  if (axis === "_timestamp") return clock(one, every);
  return axis === "_runtime" ? lasting(one) : tick(one);
});

// The word of the page's language for the axis that has no name of its own.
const stepInWords = () => document.querySelector("[data-step-word]")?.dataset.stepWord ?? "";

// A place on the x axis in words: "step 250", "1:05 h", "epoch 3".
export const axisValue = (axis, value) => {
  if (axis === "_timestamp") return new Date(value * 1000).toLocaleString(document.documentElement.lang || "en", { dateStyle: "medium", timeStyle: "medium" });
  if (axis === "_runtime") return lasting(value);
  return `${axis === "_step" ? stepInWords() : axis} ${tick(value)}`;
};

// A value with its unit; an amount of bytes in the unit in which it is a short number.
const BYTES = { B: 1, MB: 1e6, GB: 1e9 };
export const inUnit = (value, unit, write) => {
  if (!unit || !Number.isFinite(value)) return write(value);
  if (!(unit in BYTES)) return `${write(value)}${THIN}${unit}`;
  let [amount, name] = [value * BYTES[unit], "B"];
  for (const larger of ["kB", "MB", "GB", "TB"]) {
    if (Math.abs(amount) < 1000) break;
    amount /= 1000;
    name = larger;
  }
  return `${Number(amount.toPrecision(3))}${THIN}${name}`;
};
