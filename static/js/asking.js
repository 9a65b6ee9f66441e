// Points from the server: a few questions at a time, the latest first to be taken back, answers read where they lie.

const PACKED = "application/vnd.ownlog.points";
const MOST_AT_ONCE = 4;
const COLUMNS = ["x", "y", "low", "high"];

const waiting = [];
let flying = 0;

const turn = (signal) => new Promise((resolve, reject) => {
  const next = { go: resolve };
  waiting.push(next);
  signal.addEventListener("abort", () => {
    const place = waiting.indexOf(next);
    if (place >= 0) { waiting.splice(place, 1); reject(signal.reason); }
  });
  startNext();
});

const startNext = () => {
  while (flying < MOST_AT_ONCE && waiting.length) { flying += 1; waiting.shift().go(); }
};

// Facts behind their length, then the columns of each run as numbers of eight bytes (apps/web/points.py).
export const unpacked = (buffer) => {
  const size = new DataView(buffer).getUint32(0, true);
  const { series } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  let place = 4 + size;
  for (const one of series) {
    COLUMNS.slice(0, one.columns).forEach((name) => {
      one[name] = new Float64Array(buffer, place, one.count);
      place += 8 * one.count;
    });
  }
  return series;
};

// The lines that an address gives; null when it gives none. Rejects when the signal takes the question back.
export const ask = async (url, signal) => {
  await turn(signal);
  try {
    const response = await fetch(url, { headers: { Accept: PACKED }, signal });
    return response.ok ? unpacked(await response.arrayBuffer()) : null;
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  } finally {
    flying -= 1;
    startNext();
  }
};
