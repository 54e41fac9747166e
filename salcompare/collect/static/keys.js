/* The keyboard alone: arrows move the box, shift and arrows size it, digits choose its label, Enter sends. */

import { middle, moved, resized } from "./geometry.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LEAP = 10;

/** How far one press goes: a pixel; further when the key is held, so that crossing a photograph is no chore. */
function stride(event, held) {
  if (event.ctrlKey || event.metaKey) return LEAP;
  return held > 24 ? LEAP : held > 6 ? 4 : 1;
}

/** Let keys pressed while the photograph has the focus draw, move, size, zoom, choose a label and send. */
export function attachKeys({ frame, stage, box, size, letGo, allowed, pick, send }) {
  let held = 0;

  function arrow(event, [x, y]) {
    held = event.repeat ? held + 1 : 0;
    const step = stride(event, held);
    if (!box.current) box.commit(middle(size));
    else if (event.shiftKey) box.commit(resized(box.current, "se", x * step, y * step, size), { join: event.repeat });
    else box.commit(moved(box.current, x * step, y * step, size), { join: event.repeat });
    stage.reveal();
  }

  const actions = {
    Enter: () => (box.current ? send() : box.commit(middle(size))),
    " ": () => box.current || box.commit(middle(size)),
    Delete: () => box.commit(null),
    Backspace: () => box.commit(null),
    "+": stage.zoomIn,
    "=": stage.zoomIn,
    "-": stage.zoomOut,
    Home: () => stage.zoomTo(1),
  };

  frame.addEventListener("keydown", (event) => {
    if (event.target !== frame || event.altKey || !allowed()) return;
    if (event.key === "Enter" && event.repeat) return event.preventDefault(); // still held from the page before
    if (event.key in ARROWS) arrow(event, ARROWS[event.key]);
    else if (event.key === "Escape") {
      if (!letGo()) return;
    } else if (event.ctrlKey || event.metaKey) return;
    else if (event.key in actions) actions[event.key]();
    else if (!pick(event.key)) return;
    event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input[type=text]"); // there, undo belongs to the text
    if (typing || !(event.ctrlKey || event.metaKey) || event.altKey || !allowed()) return;
    const key = event.key.toLowerCase();
    if (key === "y" || (key === "z" && event.shiftKey)) box.redo();
    else if (key === "z") box.undo();
    else return;
    event.preventDefault();
  });
}
