// What lies over the lines: the hot one again with a halo, a ring at each live end, marks where a value was no number,
// and words for what the frame cuts off.

import { draw, places } from "./ink.js";
import { tick } from "./figures.js";
import { placeOf } from "./series.js";

const TICK = 4;
const RING = 3;
const LETTER = 11;

const hotAgain = (ctx, line, x, place, theme, ratio) => {
  const halo = { ...line, alpha: 1, band: null, behind: null, dash: [], width: line.isDense ? 3 : 5, colour: theme.of("sheet") };
  const top = { ...line, alpha: 1, band: null, behind: null, width: line.isDense ? 1.5 : 2.5 };
  draw(ctx, [halo, top], x, place, ratio);
};

const oddMarks = (ctx, lines, place, height, theme, ratio) => {
  ctx.strokeStyle = theme.of("brick");
  ctx.lineWidth = 2 * ratio;
  ctx.beginPath();
  const mark = (at, from, to) => { const px = (at - place.left) * place.wide; ctx.moveTo(px, from); ctx.lineTo(px, to); };
  for (const { odd } of lines) {
    for (const at of [...odd.nan, ...odd.down]) mark(at, height - TICK * ratio, height);
    for (const at of odd.up) mark(at, 0, TICK * ratio); // infinity is above all
  }
  ctx.stroke();
};

const liveEnds = (ctx, lines, place, theme, ratio) => {
  for (const { isLive, x, y, colour } of lines) {
    if (!isLive || !x.length || Number.isNaN(y.at(-1))) continue;
    ctx.strokeStyle = colour; ctx.fillStyle = theme.of("sheet"); ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    ctx.arc((x.at(-1) - place.left) * place.wide, (place.top - y.at(-1)) * place.tall, RING * ratio, 0, 2 * Math.PI);
    ctx.fill(); ctx.stroke();
  }
};

// How high the lines have been beyond the frame, how low, and where they were so last.
const beyond = (lines, { x, y }) => {
  const out = { above: null, below: null };
  for (const line of lines) {
    for (let i = placeOf(line.x, x[0]); i < line.x.length && line.x[i] <= x[1]; i += 1) {
      const value = line.y[i];
      if (value > y[1]) out.above = { at: Math.max(out.above?.at ?? -Infinity, line.x[i]), far: Math.max(out.above?.far ?? -Infinity, value) };
      if (value < y[0]) out.below = { at: Math.max(out.below?.at ?? -Infinity, line.x[i]), far: Math.min(out.below?.far ?? Infinity, value) };
    }
  }
  return out;
};

const write = (ctx, lines, ranges, place, { theme, family, isLogY, ratio, height }) => {
  const { above, below } = beyond(lines, ranges);
  ctx.font = `${LETTER * ratio}px ${family}`;
  ctx.fillStyle = theme.of("ink-3");
  ctx.textAlign = "start";
  const say = (sign, { at, far }, y) => {
    ctx.fillText(`${sign} ${tick(isLogY ? 10 ** far : far)}`, (at - place.left) * place.wide + 14 * ratio, y);
  };
  if (above) say("↑", above, 8 * ratio);
  if (below) say("↓", below, height - 4 * ratio);
};

// `isResting` is false while one pans or zooms: then there is no time to look through all points for words.
export const mark = (canvas, ctx, { lines, ranges, hot, theme, family, isLogY, ratio, isResting }) => {
  const place = places(ranges, canvas);
  const { width, height } = canvas;
  ctx.clearRect(0, 0, width, height);
  const hotLine = hot === null ? null : lines.find((line) => line.id === hot);
  if (hotLine) hotAgain(ctx, hotLine, ranges.x, place, theme, ratio);
  oddMarks(ctx, lines, place, height, theme, ratio);
  liveEnds(ctx, lines, place, theme, ratio);
  if (isResting) write(ctx, lines, ranges, place, { theme, family, isLogY, ratio, height });
};
