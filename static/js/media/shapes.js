// What files of things in space hold: points, triangles, boxes and lines, as typed arrays. Whatever is wrong with a file ends
// as an Error; nothing in it is ever run, and nothing that it names is ever asked for.

const MOST_POINTS = 1_000_000;
const MOST_TRIANGLES = 1_000_000;
const MOST_NUMBERS = 12 * MOST_TRIANGLES; // three corners of three numbers, and an index for each
const MOST_BOXES = 5_000;
const MOST_VECTORS = 20_000;
const CLASSES = [[61, 123, 255], [255, 176, 0], [0, 194, 168], [232, 63, 111], [155, 93, 229], [127, 194, 65], [255, 122, 47],
  [0, 180, 230], [242, 109, 208], [201, 162, 39], [91, 107, 192], [141, 90, 60], [120, 120, 120], [20, 110, 90]];
const PLAIN = [148, 163, 184];

export const looseJson = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    // Python writes numbers that JSON has not; inside of texts the same letters stay. A text without an end goes to the end, or each
    // quote in it would be tried as the begin of another.
    return JSON.parse(text.replace(/("(?:[^"\\]|\\[^]?)*(?:"|$))|-?\b(?:NaN|Infinity)\b/g, (_all, words) => words ?? "null"));
  }
};

const isPlace = (value) => Array.isArray(value) && value.length >= 3 && value.slice(0, 3).every(Number.isFinite);
const colourOf = (value, otherwise) => (isPlace(value) ? value.slice(0, 3).map((each) => Math.max(0, Math.min(255, each))) : otherwise);

export const readPoints = (text) => {
  const whole = looseJson(text);
  const given = Array.isArray(whole) ? whole : whole?.points ?? [];
  if (!Array.isArray(given)) throw new Error("no points");
  const every = Math.max(1, Math.ceil(given.length / MOST_POINTS));
  const places = [], colours = [];
  for (let at = 0; at < given.length; at += every) {
    const point = given[at];
    if (!isPlace(point)) continue;
    places.push(point[0], point[1], point[2]);
    const colour = point.length >= 6 ? colourOf(point.slice(3, 6), PLAIN) : point.length >= 4 && Number.isFinite(point[3]) ? CLASSES[(Math.abs(Math.round(point[3])) + 13) % 14] : PLAIN;
    colours.push(...colour);
  }
  const isParts = given.length > 0 && isPlace(given[0]) && given[0].length >= 6 && colours.every((each) => each <= 1);
  const boxes = (Array.isArray(whole?.boxes) ? whole.boxes.slice(0, MOST_BOXES) : []).filter((box) => box?.corners?.length === 8 && box.corners.every(isPlace));
  const vectors = (Array.isArray(whole?.vectors) ? whole.vectors.slice(0, MOST_VECTORS) : []).filter((one) => isPlace(one?.start) && isPlace(one?.end));
  return {
    isZUp: true,
    points: { places: Float32Array.from(places), colours: Uint8Array.from(isParts ? colours.map((each) => 255 * each) : colours) },
    lines: [
      ...boxes.flatMap((box) => edgesOf(box.corners).map(([a, b]) => ({ a, b, colour: colourOf(box.color, CLASSES[1]) }))),
      ...vectors.map((one) => ({ a: one.start, b: one.end, colour: colourOf(one.color, CLASSES[2]) })),
    ],
    labels: boxes.flatMap((box) => (typeof box.label === "string" && box.label ? [{ at: box.corners[0], words: box.label.slice(0, 60) }] : [])),
    counts: { points: given.length, boxes: boxes.length },
  };
};

// Which corners of a box are joined, in whatever order they came: those of the three edges that make all the others.
export const edgesOf = (corners) => {
  const [first, ...others] = corners;
  const size = Math.max(...others.map((each) => Math.hypot(...each.map((value, axis) => value - first[axis])))) || 1;
  const find = (place) => corners.findIndex((each) => Math.hypot(...place.map((value, axis) => value - each[axis])) < size * 1e-3);
  const sum = (...steps) => first.map((value, axis) => value + steps.reduce((total, step) => total + step[axis], 0));
  for (let i = 1; i < 8; i += 1) for (let j = i + 1; j < 8; j += 1) for (let k = j + 1; k < 8; k += 1) {
    const [a, b, c] = [i, j, k].map((at) => corners[at].map((value, axis) => value - first[axis]));
    const cube = [[], [a], [b], [c], [a, b], [a, c], [b, c], [a, b, c]].map((steps) => find(sum(...steps)));
    if (new Set(cube).size < 8 || cube.includes(-1)) continue;
    const joined = [[0, 1], [0, 2], [0, 3], [1, 4], [2, 4], [1, 5], [3, 5], [2, 6], [3, 6], [4, 7], [5, 7], [6, 7]];
    return joined.map(([from, to]) => [corners[cube[from]], corners[cube[to]]]);
  }
  return corners.flatMap((a, at) => corners.slice(at + 1).map((b) => [a, b])); // no box: every corner with every other
};

const mesh = (places, triangles, colours, more = {}) => ({
  isZUp: false,
  mesh: { places: Float32Array.from(places), triangles: Uint32Array.from(triangles), colours: Uint8Array.from(colours) },
  counts: { triangles: triangles.length / 3 },
  ...more,
});

export const readObj = (text) => {
  const places = [], triangles = [], colours = [];
  for (const line of text.split("\n")) {
    const [kind, ...words] = line.trim().split(/\s+/);
    if (kind === "v" && places.push(...words.slice(0, 3).map((each) => Number(each) || 0)) > 9 * MOST_TRIANGLES) throw new Error("too many places");
    if (kind !== "f") continue;
    const count = places.length / 3;
    const corners = words.map((each) => parseInt(each, 10)).map((at) => (at < 0 ? count + at : at - 1));
    if (corners.some((at) => !(at >= 0 && at < count))) continue;
    if (triangles.length + 3 * corners.length > 3 * MOST_TRIANGLES) throw new Error("too many triangles");
    for (let at = 2; at < corners.length; at += 1) { triangles.push(corners[0], corners[at - 1], corners[at]); colours.push(...PLAIN); }
  }
  return mesh(places, triangles, colours);
};

export const readStl = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length >= 84 ? view.getUint32(80, true) : 0;
  const places = [];
  if (count && 84 + 50 * count === bytes.length) {
    if (count > MOST_TRIANGLES) throw new Error("too many triangles");
    for (let at = 0; at < count; at += 1) for (let n = 0; n < 9; n += 1) places.push(view.getFloat32(84 + 50 * at + 12 + 4 * n, true));
  } else {
    const number = "([-+.0-9eE]+)";
    for (const found of new TextDecoder().decode(bytes).matchAll(new RegExp(`vertex\\s+${number}\\s+${number}\\s+${number}`, "g"))) {
      const count = places.push(Number(found[1]) || 0, Number(found[2]) || 0, Number(found[3]) || 0);
      if (count > 9 * MOST_TRIANGLES) throw new Error("too many triangles");
    }
  }
  const corners = Math.floor(places.length / 9) * 3;
  if (!corners) throw new Error("no triangles");
  const order = Uint32Array.from({ length: corners }, (_each, at) => at);
  return mesh(places.map((each) => (Number.isFinite(each) ? each : 0)), order, Array.from({ length: corners / 3 }, () => PLAIN).flat(), { isZUp: true });
};

// ── glTF: a tree of nodes, each with a mesh, whose numbers lie in buffers ──

const SIZES = { 5121: [Uint8Array, 1], 5123: [Uint16Array, 2], 5125: [Uint32Array, 4], 5126: [Float32Array, 4] };
const PARTS = { SCALAR: 1, VEC3: 3, VEC4: 4 };

export const readGlb = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 20 || view.getUint32(0, true) !== 0x46546c67) throw new Error("no glTF");
  const length = view.getUint32(12, true);
  const whole = looseJson(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
  const rest = 20 + length;
  const own = rest + 8 <= bytes.length ? bytes.subarray(rest + 8, rest + 8 + view.getUint32(rest, true)) : new Uint8Array();
  return fromGltf(whole, own);
};

export const readGltf = (text) => fromGltf(looseJson(text), null);

const fromGltf = (whole, own) => {
  const buffers = (whole.buffers ?? []).map((buffer) => {
    if (buffer.uri === undefined && own) return own;
    const inside = /^data:[^,]*;base64,(.*)$/s.exec(buffer.uri ?? "");
    if (!inside) throw new Error("other files"); // they were not logged
    return Uint8Array.from(atob(inside[1]), (letter) => letter.charCodeAt(0));
  });
  const found = { places: [], triangles: [], colours: [], numbers: 0 };
  const scene = whole.scenes?.[whole.scene ?? 0];
  const roots = scene?.nodes ?? (whole.nodes ?? []).map((_node, at) => at);
  const seen = new Set();
  const walk = (at, above) => {
    const node = whole.nodes?.[at];
    if (!node || seen.has(at)) return;
    seen.add(at);
    const here = times(above, matrixOf(node));
    for (const primitive of whole.meshes?.[node.mesh]?.primitives ?? []) addPrimitive(whole, buffers, primitive, here, found);
    for (const below of node.children ?? []) walk(below, here);
  };
  for (const at of roots) walk(at, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  if (!found.triangles.length) throw new Error("no triangles");
  return mesh(found.places, found.triangles, found.colours);
};

// Whatever is read counts, also what is read again: a few bytes may be named a million times.
const numbersOf = (whole, buffers, at, found) => {
  const accessor = whole.accessors?.[at], part = whole.bufferViews?.[accessor?.bufferView];
  const [kind, size] = SIZES[accessor?.componentType] ?? [];
  const wide = PARTS[accessor?.type];
  const bytes = buffers[part?.buffer];
  if (!kind || !wide || !bytes || !Number.isInteger(accessor.count) || accessor.count < 0) throw new Error("cannot be read");
  const stride = part.byteStride || wide * size;
  if (!Number.isInteger(stride) || stride < wide * size) throw new Error("cannot be read");
  found.numbers += accessor.count * wide;
  if (found.numbers > MOST_NUMBERS) throw new Error("too many numbers");
  const start = (part.byteOffset ?? 0) + (accessor.byteOffset ?? 0);
  const out = new kind(accessor.count * wide);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = { 5121: "getUint8", 5123: "getUint16", 5125: "getUint32", 5126: "getFloat32" }[accessor.componentType];
  for (let each = 0; each < accessor.count; each += 1) {
    for (let n = 0; n < wide; n += 1) out[each * wide + n] = view[read](start + each * stride + n * size, true);
  }
  return out;
};

const addPrimitive = (whole, buffers, primitive, matrix, found) => {
  const mode = primitive.mode ?? 4;
  if (![4, 5, 6].includes(mode) || primitive.attributes?.POSITION === undefined) return;
  const places = numbersOf(whole, buffers, primitive.attributes.POSITION, found);
  const first = found.places.length / 3, count = places.length / 3;
  for (let at = 0; at < count; at += 1) {
    const [x, y, z] = places.subarray(3 * at, 3 * at + 3);
    for (let row = 0; row < 3; row += 1) found.places.push(matrix[row] * x + matrix[4 + row] * y + matrix[8 + row] * z + matrix[12 + row]);
  }
  const order = primitive.indices === undefined ? Uint32Array.from({ length: count }, (_each, at) => at) : numbersOf(whole, buffers, primitive.indices, found);
  const factor = whole.materials?.[primitive.material]?.pbrMetallicRoughness?.baseColorFactor;
  const colour = isPlace(factor) ? factor.slice(0, 3).map((each) => 255 * Math.max(0, Math.min(1, each)) ** (1 / 2.2)) : PLAIN;
  for (let at = 0; at < order.length - 2; at += mode === 4 ? 3 : 1) {
    const corners = mode === 6 ? [order[0], order[at + 1], order[at + 2]] : [order[at], order[at + 1], order[at + 2]];
    if (corners.some((corner) => corner >= count)) continue;
    found.triangles.push(...corners.map((corner) => first + corner));
    found.colours.push(...colour);
    if (found.triangles.length > 3 * MOST_TRIANGLES) throw new Error("too many triangles");
  }
};

const matrixOf = ({ matrix, translation: [tx, ty, tz] = [0, 0, 0], rotation: [x, y, z, w] = [0, 0, 0, 1], scale: [sx, sy, sz] = [1, 1, 1] }) => matrix?.length === 16 ? matrix : [
  (1 - 2 * (y * y + z * z)) * sx, 2 * (x * y + z * w) * sx, 2 * (x * z - y * w) * sx, 0,
  2 * (x * y - z * w) * sy, (1 - 2 * (x * x + z * z)) * sy, 2 * (y * z + x * w) * sy, 0,
  2 * (x * z + y * w) * sz, 2 * (y * z - x * w) * sz, (1 - 2 * (x * x + y * y)) * sz, 0,
  tx, ty, tz, 1,
];

const times = (a, b) => Array.from({ length: 16 }, (_each, at) => {
  const [row, column] = [at % 4, Math.floor(at / 4)];
  return a[row] * b[4 * column] + a[4 + row] * b[4 * column + 1] + a[8 + row] * b[4 * column + 2] + a[12 + row] * b[4 * column + 3];
});
