// The console of a run: the lines in sight, searching, jumping, and following while the run goes on.
//
// <div data-console="/alice/vision/runs/1/console" data-total="1200" data-window="250" data-first="1001"
//      data-cursor="…" [data-live]>

import { Search } from "./console_search.js";
import { LinesInSight } from "./lines_in_sight.js";

const EVERY = 2000;

const start = (box) => {
  const { console: source, cursor, total, window: size, first } = box.dataset;
  const lines = new LinesInSight(box, {
    source,
    total: Number(total),
    size: Number(size),
    first: first ? Number(first) - 1 : null,
  });
  for (const plain of document.querySelectorAll("[data-plain]")) plain.remove();
  const search = new Search(document.querySelector("[data-console-search]"), lines, source);

  // ── Jumping: #L1234 in the address, the field, the numbers before the lines ──

  const jump = (number) => {
    if (!(number >= 1)) return;
    const place = Math.min(number, lines.total);
    follow(false);
    lines.to(place - 1);
    history.replaceState(null, "", `${location.pathname}#L${place}`);
  };
  const asked = () => Number(/^#L(\d{1,12})$/.exec(location.hash)?.[1]);
  const field = document.querySelector("[data-console-jump]");
  field.addEventListener("submit", (event) => {
    event.preventDefault();
    jump(Number(field.elements.line.value));
  });
  box.addEventListener("click", (event) => {
    const link = event.target.closest("a.no");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    jump(Number(link.parentElement.dataset.line));
  });
  addEventListener("hashchange", () => jump(asked()));

  // ── Following: to the end with what comes, until somebody scrolls up ──

  const button = document.querySelector("[data-follow]");
  let isLive = "live" in box.dataset;
  let isFollowing = false;
  let known = cursor;

  function follow(on) {
    isFollowing = on && isLive;
    button.setAttribute("aria-pressed", String(isFollowing));
    if (isFollowing) lines.toEnd();
  }
  button.hidden = !isLive;
  button.addEventListener("click", () => follow(!isFollowing));
  lines.pane.addEventListener("wheel", (event) => { if (event.deltaY < 0) follow(false); }, { passive: true });
  lines.pane.addEventListener("scroll", () => {
    if (isFollowing && !lines.isAtEnd) follow(false);
  }, { passive: true });

  const look = async () => {
    const url = new URL(`${source}/changes`, location.href);
    url.searchParams.set("cursor", known);
    const response = document.hidden ? null : await fetch(url).catch(() => null);
    if (response?.status === 200) {
      const { cursor: next, total: now, stretches, live } = await response.json();
      const before = lines.total;
      const stays = isFollowing;
      known = next;
      isLive = live;
      lines.renew(now, stretches);
      if (stretches.length) await search.grew(Math.min(before, ...stretches.map(([begin]) => begin)));
      if (stays) lines.toEnd();
      if (!isLive) { button.hidden = true; isFollowing = false; }
    }
    if (isLive && response?.status !== 404) setTimeout(look, EVERY);
  };

  const wanted = asked() || Number(new URLSearchParams(location.search).get("line"));
  if (wanted) jump(wanted);
  else if (isLive) follow(true);
  else lines.toEnd();
  search.start();
  if (isLive) setTimeout(look, EVERY);
};

for (const box of document.querySelectorAll("[data-console]")) start(box);
