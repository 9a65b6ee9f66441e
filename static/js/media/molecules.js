// Atoms and bonds, from the text formats of molecules. A bond that a file does not name is where two atoms are near enough.

const MOST_ATOMS = 60_000;
// In a crystal of metal or salt an atom has up to eighteen neighbours, and few cells hold ten atoms; what is beyond was made to hang a page.
const MOST_NEIGHBOURS = 24;
const MOST_OF_A_CELL = 100;
const FARTHEST = 1e6; // in ångström; far beyond it a number plus one is the same number
// Of each element: the radius by which atoms count as joined (in ångström), and the colour that chemists know it by.
const ELEMENTS = {
  H: [0.31, [225, 225, 225]], C: [0.76, [105, 108, 114]], N: [0.71, [60, 90, 230]], O: [0.66, [226, 50, 40]], F: [0.57, [110, 205, 70]],
  NA: [1.66, [150, 90, 220]], MG: [1.41, [60, 150, 40]], P: [1.07, [240, 130, 20]], S: [1.05, [226, 190, 40]], CL: [1.02, [50, 190, 60]],
  K: [2.03, [140, 65, 200]], CA: [1.76, [70, 170, 60]], FE: [1.32, [205, 95, 45]], ZN: [1.22, [120, 125, 170]], BR: [1.2, [150, 45, 35]],
  SE: [1.2, [230, 150, 20]], I: [1.39, [130, 40, 140]], B: [0.84, [240, 170, 160]], SI: [1.11, [200, 170, 130]],
};
const OTHER = [1.2, [200, 80, 160]];

const elementOf = (words) => {
  const letters = words.replace(/[^A-Za-z]/g, "").toUpperCase();
  return ELEMENTS[letters.slice(0, 2)] && letters.length < 3 ? letters.slice(0, 2) : letters.slice(0, 1);
};

const whole = (atoms, bonds = null) => {
  if (atoms.length > MOST_ATOMS) throw new Error("too many atoms");
  const sound = atoms.every((atom) => [atom.x, atom.y, atom.z].every((value) => Math.abs(value) < FARTHEST));
  if (!atoms.length || !sound) throw new Error("no atoms");
  if (bonds && bonds.length > MOST_NEIGHBOURS / 2 * atoms.length) throw new Error("too many bonds");
  const dressed = atoms.map((atom) => {
    const [reach, colour] = ELEMENTS[atom.element] ?? OTHER;
    return { ...atom, reach, colour };
  });
  const joined = (bonds ?? nearBonds(dressed)).filter(([a, b]) => dressed[a] && dressed[b] && a !== b);
  return { isZUp: false, atoms: dressed, bonds: joined, counts: { atoms: atoms.length, bonds: joined.length } };
};

// Atoms are sorted into cells, so that each is compared with its neighbours only.
const nearBonds = (atoms) => {
  const SIDE = 2.5, cells = new Map(), bonds = [], neighbours = new Uint8Array(atoms.length);
  const nameOf = (x, y, z) => `${x},${y},${z}`;
  atoms.forEach((atom, at) => {
    const [x, y, z] = [atom.x, atom.y, atom.z].map((each) => Math.floor(each / SIDE));
    for (let i = x - 1; i <= x + 1; i += 1) for (let j = y - 1; j <= y + 1; j += 1) for (let k = z - 1; k <= z + 1; k += 1) {
      for (const other of cells.get(nameOf(i, j, k)) ?? []) {
        const far = (atom.x - atoms[other].x) ** 2 + (atom.y - atoms[other].y) ** 2 + (atom.z - atoms[other].z) ** 2;
        const isWater = atom.element === "H" && atoms[other].element === "H";
        if (far <= 0.16 || isWater || far >= (atom.reach + atoms[other].reach + 0.3) ** 2) continue;
        bonds.push([other, at]);
        if (++neighbours[other] > MOST_NEIGHBOURS || ++neighbours[at] > MOST_NEIGHBOURS) throw new Error("too many bonds");
      }
    }
    const cell = nameOf(x, y, z);
    if (!cells.has(cell)) cells.set(cell, []);
    if (cells.get(cell).push(at) > MOST_OF_A_CELL) throw new Error("too many atoms at one place");
  });
  return bonds;
};

export const readPdb = (text) => {
  const atoms = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("ENDMDL")) break; // the first of several models
    if (!/^(ATOM {2}|HETATM)/.test(line)) continue;
    const [x, y, z] = [30, 38, 46].map((from) => Number(line.slice(from, from + 8)));
    const said = line.slice(76, 78).trim();
    atoms.push({ element: elementOf(said || line.slice(12, 14)), x, y, z });
  }
  return whole(atoms);
};

export const readPqr = (text) => whole(text.split("\n").filter((line) => /^(ATOM|HETATM)\s/.test(line)).map((line) => {
  const words = line.trim().split(/\s+/);
  const [x, y, z] = words.slice(-5, -2).map(Number);
  return { element: elementOf(words[2].replace(/^\d+/, "").slice(0, 1)), x, y, z };
}));

export const readXyz = (text) => {
  const [count, , ...lines] = text.split("\n");
  return whole(lines.slice(0, parseInt(count, 10) || 0).map((line) => {
    const [name = "", x, y, z] = line.trim().split(/\s+/);
    return { element: elementOf(name), x: Number(x), y: Number(y), z: Number(z) };
  }));
};

// A block of counts, atoms and bonds, as .mol has it; of an .sdf the first of its molecules.
export const readMol = (text) => {
  const lines = text.split("\n");
  if (/V3000/.test(lines[3] ?? "")) return readMolV3(lines);
  const [atomCount, bondCount] = [0, 3].map((from) => parseInt((lines[3] ?? "").slice(from, from + 3), 10) || 0);
  const atoms = lines.slice(4, 4 + atomCount).map((line) => {
    const [x, y, z] = [0, 10, 20].map((from) => Number(line.slice(from, from + 10)));
    return { element: elementOf(line.slice(31, 34)), x, y, z };
  });
  const bonds = lines.slice(4 + atomCount, 4 + atomCount + bondCount).map((line) => [0, 3].map((from) => parseInt(line.slice(from, from + 3), 10) - 1));
  return whole(atoms, bonds);
};

const readMolV3 = (lines) => {
  const atoms = [], bonds = [], places = new Map();
  let part = "";
  for (const line of lines) {
    const words = line.trim().split(/\s+/).slice(2);
    if (/^M {2}V30 (BEGIN|END)/.test(line)) part = words[0] === "BEGIN" ? words[1] : "";
    else if (part === "ATOM") {
      places.set(words[0], atoms.length);
      atoms.push({ element: elementOf(words[1] ?? ""), x: Number(words[2]), y: Number(words[3]), z: Number(words[4]) });
    } else if (part === "BOND") bonds.push([places.get(words[2]), places.get(words[3])]);
    else if (/^M {2}END/.test(line)) break;
  }
  return whole(atoms, bonds);
};

export const readMol2 = (text) => {
  const atoms = [], bonds = [];
  let part = "";
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (line.startsWith("@<TRIPOS>")) {
      if (line.startsWith("@<TRIPOS>MOLECULE") && atoms.length) break;
      part = line.slice(9).trim();
    } else if (part === "ATOM" && words.length > 5) {
      atoms.push({ element: elementOf(words[5].split(".")[0]), x: Number(words[2]), y: Number(words[3]), z: Number(words[4]) });
    } else if (part === "BOND" && words.length > 3) bonds.push([Number(words[1]) - 1, Number(words[2]) - 1]);
  }
  return whole(atoms, bonds);
};

// Lengths are nanometres there.
export const readGro = (text) => {
  const [, count, ...lines] = text.split("\n");
  return whole(lines.slice(0, parseInt(count, 10) || 0).map((line) => {
    const [x, y, z] = [20, 28, 36].map((from) => 10 * Number(line.slice(from, from + 8)));
    return { element: elementOf(line.slice(10, 15).replace(/\d/g, "").trim().slice(0, 1)), x, y, z };
  }));
};
