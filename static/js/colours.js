// The classes of a run's colour, as the server writes them (apps/web/colours.py): twelve, then with dashes, then dots.

const COLOURS = 12;
const PATTERNS = ["", " dashed", " dotted"];

export const swatchClass = (colour) =>
  `run-${((colour - 1) % COLOURS) + 1}${PATTERNS[Math.floor((colour - 1) / COLOURS) % PATTERNS.length]}`;
