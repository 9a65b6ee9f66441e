// Draws points, triangles, lines and balls into the pixels of a canvas, nearest first. No WebGL: it needs no graphics card, and
// a page may have as many pictures as it likes, where a browser keeps sixteen WebGL contexts at most.

const NEAR = 0.05;
const MOST_LOOKED_AT = 3e8; // pixels in one picture: the rest of a scene that was made to hang a page is left out

export class Pencil {
  #pixels; #depth; #wide; #high; #image; #left = 0;

  constructor(wide, high) {
    this.#wide = wide;
    this.#high = high;
    this.#image = new ImageData(wide, high);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
    this.#depth = new Float32Array(wide * high);
  }

  get image() { return this.#image; }

  clear() {
    this.#pixels.fill(0);
    this.#depth.fill(Infinity);
    this.#left = MOST_LOOKED_AT;
  }

  dot(x, y, z, size, colour) {
    if (this.#may(size, size)) this.#square(x, y, z, size, colour);
  }

  #square(x, y, z, size, colour) {
    if (z < NEAR) return;
    const [left, top] = [Math.round(x - size / 2), Math.round(y - size / 2)];
    for (let row = Math.max(0, top); row < Math.min(this.#high, top + size); row += 1) {
      for (let at = Math.max(0, left); at < Math.min(this.#wide, left + size); at += 1) this.#put(row * this.#wide + at, z, colour);
    }
  }

  line(a, b, size, colour) {
    if (a.z < NEAR || b.z < NEAR) return;
    const steps = Math.min(4 * (this.#wide + this.#high), Math.ceil(Math.max(Math.abs(b.x - a.x), Math.abs(b.y - a.y)))) || 1;
    if (!this.#may(steps + 1, size * size)) return;
    for (let step = 0; step <= steps; step += 1) {
      const part = step / steps;
      this.#square(a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part, a.z + (b.z - a.z) * part, size, colour);
    }
  }

  triangle(a, b, c, colour) {
    if (a.z < NEAR || b.z < NEAR || c.z < NEAR) return;
    const area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if (!area) return;
    const top = Math.max(0, Math.ceil(Math.min(a.y, b.y, c.y) - 0.5));
    const foot = Math.min(this.#high - 1, Math.floor(Math.max(a.y, b.y, c.y) + 0.5));
    const left = Math.max(0, Math.ceil(Math.min(a.x, b.x, c.x) - 0.5));
    const right = Math.min(this.#wide - 1, Math.floor(Math.max(a.x, b.x, c.x) + 0.5));
    if (!this.#may(foot - top + 1, right - left + 1)) return;
    for (let y = top; y <= foot; y += 1) {
      for (let x = left; x <= right; x += 1) {
        const ofB = ((x - a.x) * (c.y - a.y) - (y - a.y) * (c.x - a.x)) / area;
        const ofC = ((b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x)) / area;
        if (ofB < -1e-6 || ofC < -1e-6 || ofB + ofC > 1.000001) continue;
        this.#put(y * this.#wide + x, a.z + (b.z - a.z) * ofB + (c.z - a.z) * ofC, colour);
      }
    }
  }

  // A ball with light from above left; `deep` is its radius in the units of z.
  ball(at, radius, deep, [red, green, blue]) {
    if (at.z - deep < NEAR) return;
    const top = Math.max(0, Math.ceil(at.y - radius)), foot = Math.min(this.#high - 1, Math.floor(at.y + radius));
    const left = Math.max(0, Math.ceil(at.x - radius)), right = Math.min(this.#wide - 1, Math.floor(at.x + radius));
    if (!this.#may(foot - top + 1, right - left + 1)) return;
    for (let y = top; y <= foot; y += 1) {
      for (let x = left; x <= right; x += 1) {
        const [across, down] = [(x - at.x) / radius, (y - at.y) / radius];
        const rest = 1 - across * across - down * down;
        if (rest < 0) continue;
        const out = Math.sqrt(rest);
        const light = lit(-0.4 * across - 0.55 * down + 0.73 * out);
        this.#put(y * this.#wide + x, at.z - out * deep, packed(red * light, green * light, blue * light));
      }
    }
  }

  // A stick between two places, half in the colour of each end.
  stick(a, b, width, deep, first, second) {
    if (a.z - deep < NEAR || b.z - deep < NEAR) return;
    const [along, down] = [b.x - a.x, b.y - a.y];
    const squared = along * along + down * down || 1;
    const top = Math.max(0, Math.ceil(Math.min(a.y, b.y) - width)), foot = Math.min(this.#high - 1, Math.floor(Math.max(a.y, b.y) + width));
    const left = Math.max(0, Math.ceil(Math.min(a.x, b.x) - width)), right = Math.min(this.#wide - 1, Math.floor(Math.max(a.x, b.x) + width));
    if (!this.#may(foot - top + 1, right - left + 1)) return;
    for (let y = top; y <= foot; y += 1) {
      for (let x = left; x <= right; x += 1) {
        const part = ((x - a.x) * along + (y - a.y) * down) / squared;
        if (part < 0 || part > 1) continue;
        const off = Math.hypot(x - a.x - part * along, y - a.y - part * down) / width;
        if (off > 1) continue;
        const light = lit(0.85 * Math.sqrt(1 - off * off) + 0.1);
        const [red, green, blue] = part < 0.5 ? first : second;
        this.#put(y * this.#wide + x, a.z + (b.z - a.z) * part - Math.sqrt(1 - off * off) * deep, packed(red * light, green * light, blue * light));
      }
    }
  }

  // Is there anything to look at, and is there time for it?
  #may(high, wide) {
    if (!(high > 0 && wide > 0)) return false;
    this.#left -= high * wide;
    return this.#left >= 0;
  }

  #put(place, z, colour) {
    if (z >= this.#depth[place]) return;
    this.#depth[place] = z;
    this.#pixels[place] = colour;
  }
}

export const lit = (facing) => 0.45 + 0.55 * Math.max(0, facing);

// A colour as a pixel has it: the bytes in the order of the machine, which browsers run on little-endian ones only.
export const packed = (red, green, blue) => (255 << 24 | Math.min(255, blue) << 16 | Math.min(255, green) << 8 | Math.min(255, red)) >>> 0;
