/* Drawing by mouse, pen and touch (drag, or press two corners one after the other; two fingers zoom), and by keyboard
   alone (arrows move the box, shift and arrows size it, digits choose its label, Enter sends). */

import { fromCorners, grip, largeEnough, middle, moved, resized } from "./box.js";

const SLIP = 4; // a press that moves less than this many CSS pixels is a press, not a drag
const REACH = { mouse: 8, pen: 12, touch: 22 };
const CURSORS = { n: "ns", s: "ns", e: "ew", w: "ew", nw: "nwse", se: "nwse", ne: "nesw", sw: "nesw" };

const apart = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
const between = (a, b) => ({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });

const cursor = (hold) => (hold in CURSORS ? `${CURSORS[hold]}-resize` : hold || "crosshair");

/** Two fingers on the photograph: what was between them at first stays between them. */
function pinch(stage, pointers) {
  let [first, second] = pointers.values();
  const start = { distance: Math.max(1, apart(first, second)), zoom: stage.zoom };
  const held = stage.toNatural(between(first, second));
  return () => {
    [first, second] = pointers.values();
    stage.zoomTo(start.zoom * (apart(first, second) / start.distance), between(first, second), held);
  };
}

/** One gesture's box, from where it was pressed and where it is now. */
function follow(gesture, point, size) {
  const { hold, from, box } = gesture;
  if (!hold) return fromCorners(from, point, size);
  const [dx, dy] = [point.x - from.x, point.y - from.y];
  return hold === "move" ? moved(box, dx, dy, size) : resized(box, hold, dx, dy, size);
}

/** Let pointers on `surface` draw, move and size the box. */
export function attachPointing({ surface, stage, box, size, say, allowed }) {
  const pointers = new Map();
  let gesture = null;
  let pinching = null;
  let corner = null; // the first of two pressed corners

  function setCorner(point) {
    corner = point;
    stage.showCorner(point);
  }

  function finish(next) {
    if (largeEnough(next, size.minSize)) return box.commit(next);
    box.revert();
    return say(`That box is too small. Make it at least ${size.minSize} pixels wide and high.`);
  }

  function pressed(point) {
    box.revert();
    if (corner) {
      const next = fromCorners(corner, point, size);
      setCorner(null);
      finish(next);
    } else if (!gesture.hold) {
      setCorner(point);
      say("First corner set. Now press the opposite corner, or press Escape to leave it.");
    }
  }

  surface.addEventListener("pointerdown", (event) => {
    if (!allowed() || event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    if (pointers.size === 2) {
      box.revert();
      gesture = null;
      pinching = pinch(stage, pointers);
    } else if (pointers.size === 1) {
      const from = stage.toNatural(event);
      const reach = (REACH[event.pointerType] ?? REACH.mouse) / stage.scale;
      const hold = corner ? "" : grip(box.current, from, reach);
      gesture = { from, hold, box: box.current, start: event, dragged: false };
    }
  });

  surface.addEventListener("pointermove", (event) => {
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, event);
    if (pinching) {
      if (pointers.size === 2) pinching();
    } else if (gesture) {
      gesture.dragged ||= apart(event, gesture.start) >= SLIP;
      if (gesture.dragged) box.preview(follow(gesture, stage.toNatural(event), size));
    } else if (event.pointerType !== "touch" && allowed()) {
      const point = stage.toNatural(event);
      if (corner) box.preview(fromCorners(corner, point, size));
      surface.style.cursor = cursor(corner ? "" : grip(box.current, point, REACH.mouse / stage.scale));
    }
  });

  function lifted(event) {
    if (!pointers.delete(event.pointerId)) return;
    if (pinching) {
      if (!pointers.size) pinching = null;
      return;
    }
    if (!gesture) return;
    const point = stage.toNatural(event);
    if (event.type === "pointercancel") box.revert();
    else if (!gesture.dragged) pressed(point);
    else {
      setCorner(null);
      finish(follow(gesture, point, size));
    }
    gesture = null;
  }
  surface.addEventListener("pointerup", lifted);
  surface.addEventListener("pointercancel", lifted);

  // A quick stroke must not count as a flick, which would take the next tap for its end.
  surface.addEventListener("touchmove", (event) => event.preventDefault(), { passive: false });

  surface.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    stage.zoomTo(stage.zoom * Math.exp(-event.deltaY / 300), event);
  }, { passive: false });

  return {
    /** Forget a first corner that has no second. */
    letGo() {
      if (!corner) return false;
      setCorner(null);
      box.revert();
      return true;
    },
  };
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LEAP = 10;

/** Let keys pressed while the photograph has the focus draw, move, size, zoom, choose a label and send. */
export function attachKeys({ frame, stage, box, size, letGo, allowed, pick, send }) {
  let held = 0;

  function arrow(event, [x, y]) {
    // A pixel; further when the key is held, so that crossing a photograph is no chore.
    held = event.repeat ? held + 1 : 0;
    const step = event.ctrlKey || event.metaKey || held > 24 ? LEAP : held > 6 ? 4 : 1;
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
