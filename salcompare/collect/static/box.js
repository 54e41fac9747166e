/* The one box of a trial, in natural pixels, half-open (it covers x0 <= x < x1): where it can be, its past and future. */

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The box between two corners, edges at whole pixels, inside the image. */
export function fromCorners(a, b, { width, height }) {
  const x = [a.x, b.x].map((value) => clamp(Math.round(value), 0, width)).sort((p, q) => p - q);
  const y = [a.y, b.y].map((value) => clamp(Math.round(value), 0, height)).sort((p, q) => p - q);
  return { x0: x[0], y0: y[0], x1: x[1], y1: y[1] };
}

/** The box moved as a whole; it stops at the image's edges and keeps its size. */
export function moved(box, dx, dy, { width, height }) {
  const x = clamp(Math.round(dx), -box.x0, width - box.x1);
  const y = clamp(Math.round(dy), -box.y0, height - box.y1);
  return { x0: box.x0 + x, y0: box.y0 + y, x1: box.x1 + x, y1: box.y1 + y };
}

/** The box with the named edges ("n", "e", "sw", ...) moved; it never turns inside out. */
export function resized(box, edges, dx, dy, { width, height, minSize }) {
  const next = { ...box };
  if (edges.includes("w")) next.x0 = clamp(box.x0 + Math.round(dx), 0, box.x1 - minSize);
  if (edges.includes("e")) next.x1 = clamp(box.x1 + Math.round(dx), box.x0 + minSize, width);
  if (edges.includes("n")) next.y0 = clamp(box.y0 + Math.round(dy), 0, box.y1 - minSize);
  if (edges.includes("s")) next.y1 = clamp(box.y1 + Math.round(dy), box.y0 + minSize, height);
  return next;
}

/** The box that four numbers ask for, brought inside the image. */
export function fromNumbers(left, top, wide, high, { width, height, minSize }) {
  const x0 = clamp(Math.round(left), 0, width - minSize);
  const y0 = clamp(Math.round(top), 0, height - minSize);
  const x1 = x0 + clamp(Math.round(wide), minSize, width - x0);
  const y1 = y0 + clamp(Math.round(high), minSize, height - y0);
  return { x0, y0, x1, y1 };
}

/** A box to begin with when there is no pointer: the middle third. */
export function middle({ width, height, minSize }) {
  const wide = Math.min(width, Math.max(minSize, Math.round(width / 3)));
  const high = Math.min(height, Math.max(minSize, Math.round(height / 3)));
  const x0 = Math.round((width - wide) / 2);
  const y0 = Math.round((height - high) / 2);
  return { x0, y0, x1: x0 + wide, y1: y0 + high };
}

/** Whether a box is large enough to be meant. */
export function largeEnough(box, minSize) {
  return box.x1 - box.x0 >= minSize && box.y1 - box.y0 >= minSize;
}

/** Whether something read from storage is a box of this image. */
export function isBox(box, { width, height, minSize }) {
  if (!box || ![box.x0, box.y0, box.x1, box.y1].every(Number.isFinite)) return false;
  return box.x0 >= 0 && box.y0 >= 0 && box.x1 <= width && box.y1 <= height && largeEnough(box, minSize);
}

/** Whether two boxes, or two absences of one, are the same. */
export function same(a, b) {
  if (!a || !b) return a === b;
  return a.x0 === b.x0 && a.y0 === b.y0 && a.x1 === b.x1 && a.y1 === b.y1;
}

/**
 * What a press at a point takes hold of: named edges, "move", or "" for the open image.
 * `reach` is how far from an edge still counts; inside a small box it shrinks, so that there is room to move it.
 */
export function grip(box, point, reach) {
  if (!box) return "";
  const inwardX = Math.min(reach, (box.x1 - box.x0) / 4);
  const inwardY = Math.min(reach, (box.y1 - box.y0) / 4);
  if (point.x < box.x0 - reach || point.x > box.x1 + reach) return "";
  if (point.y < box.y0 - reach || point.y > box.y1 + reach) return "";
  const vertical = point.y <= box.y0 + inwardY ? "n" : point.y >= box.y1 - inwardY ? "s" : "";
  const horizontal = point.x <= box.x0 + inwardX ? "w" : point.x >= box.x1 - inwardX ? "e" : "";
  return vertical + horizontal || "move";
}

/** A box in words, for those who hear the page. */
export function inWords(box) {
  if (!box) return "No box.";
  return `Box ${box.x1 - box.x0} wide and ${box.y1 - box.y0} high, `
    + `${box.x0} from the left and ${box.y0} from the top.`;
}

/** A box that can be shown while it is being drawn, committed, taken back and brought back. */
export function createBox(initial = null) {
  let committed = initial;
  let shown = initial;
  let past = [];
  let future = [];
  const listeners = new Set();

  const tell = (done) => listeners.forEach((listener) => listener(shown, done));
  const settle = (box) => {
    committed = box;
    shown = box;
    tell(true);
  };
  const step = (from, to) => {
    if (!from.length) return;
    to.push(committed);
    settle(from.pop());
  };

  return {
    get current() { return committed; },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },

    /** Call `listener(box, done)` on every change; `done` is false while a gesture lasts. */
    listen(listener) { listeners.add(listener); },

    /** Show a box without keeping it. */
    preview(box) {
      shown = box;
      tell(false);
    },

    /** Go back from a preview to what was kept. */
    revert() { settle(committed); },

    /** Keep a box; `join` makes it one step with the change before (a key held down). */
    commit(box, { join = false } = {}) {
      if (same(box, committed)) return settle(committed);
      if (!join || !past.length) past.push(committed);
      future = [];
      return settle(box);
    },

    undo: () => step(past, future),
    redo: () => step(future, past),
  };
}
