/* The one box of a trial, its past and its future. */

import { same } from "./geometry.js";

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

    undo() {
      if (!past.length) return;
      future.push(committed);
      settle(past.pop());
    },

    redo() {
      if (!future.length) return;
      past.push(committed);
      settle(future.pop());
    },
  };
}
