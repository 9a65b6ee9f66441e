// Hands on a panel: shift and drag, or a drag along the x axis, pans; the wheel pans sideways, with Ctrl it zooms, and in
// full screen it zooms by itself; a finger pans what is zoomed; arrows, plus, minus and 0 do it from the keyboard.

const REST = 250; // after so many ms without a turn of the wheel a gesture is over
const STEP = 0.2;
const CLOSER = 0.8;

// `panel` has a range [low, high], as its axis is spaced; reach(range) shows another, settle() when the hand rests.
export const wireGestures = (plot, panel) => {
  let resting = null;
  const settleSoon = () => { clearTimeout(resting); resting = setTimeout(() => panel.settle(), REST); };

  const pan = (part) => {
    const [low, high] = panel.range;
    const by = (high - low) * part;
    panel.reach([low + by, high + by]);
  };
  const zoom = (factor, at) => {
    const [low, high] = panel.range;
    const middle = low + (high - low) * at;
    panel.reach([middle - (middle - low) * factor, middle + (high - middle) * factor]);
  };

  const isOnAxis = (event) => {
    const over = panel.over.getBoundingClientRect();
    return event.clientY > over.bottom && event.clientX >= over.left && event.clientX <= over.right;
  };
  const begins = (event) => {
    if (!panel.over || event.button !== 0) return false;
    if (event.pointerType === "touch") return panel.isZoomed;
    return event.shiftKey || isOnAxis(event);
  };

  plot.addEventListener("pointerdown", (event) => {
    if (!begins(event)) return;
    const { clientX, pointerId } = event;
    const [low, high] = panel.range;
    const width = panel.over.clientWidth;
    plot.setPointerCapture(pointerId);
    plot.classList.add("grabbed");
    const move = (now) => {
      const by = ((clientX - now.clientX) / width) * (high - low);
      panel.reach([low + by, high + by]);
    };
    const end = () => {
      plot.removeEventListener("pointermove", move);
      plot.classList.remove("grabbed");
      panel.settle();
    };
    plot.addEventListener("pointermove", move);
    plot.addEventListener("lostpointercapture", end, { once: true });
    event.preventDefault();
  });

  plot.addEventListener("wheel", (event) => {
    if (!panel.over) return;
    const isWide = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const isFull = document.fullscreenElement?.contains(plot);
    if (event.ctrlKey || event.metaKey || (isFull && !isWide && !event.shiftKey)) {
      const over = panel.over.getBoundingClientRect();
      const at = Math.min(1, Math.max(0, (event.clientX - over.left) / over.width));
      zoom(1.0015 ** Math.max(-400, Math.min(400, event.deltaY)), at);
    } else if (panel.isZoomed && (event.shiftKey || isWide)) {
      pan(Math.round(isWide ? event.deltaX : event.deltaY) / panel.over.clientWidth);
    } else {
      return; // the page scrolls
    }
    event.preventDefault();
    settleSoon();
  }, { passive: false });

  const keys = {
    ArrowLeft: () => pan(-STEP), ArrowRight: () => pan(STEP),
    "+": () => zoom(CLOSER, 0.5), "=": () => zoom(CLOSER, 0.5), "-": () => zoom(1 / CLOSER, 0.5),
    0: () => panel.resetZoom(),
  };
  plot.addEventListener("keydown", (event) => {
    if (!panel.over || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
    settleSoon();
  });
};
