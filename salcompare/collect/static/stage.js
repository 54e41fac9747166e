/* The photograph with the box over it: where things are on the screen, zoom, and drawing the overlay. */

const SVG = "http://www.w3.org/2000/svg";
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const LARGEST_FIT = 8; // a tiny photograph is not blown up beyond this
const ROOM = 12; // CSS pixels around the photograph, so that a box can begin at its very edge; trial.css says it too
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

function shape(name, className, parent) {
  const element = document.createElementNS(SVG, name);
  element.setAttribute("class", className);
  parent.append(element);
  return element;
}

const set = (element, attributes) => Object.entries(attributes).forEach((pair) => element.setAttribute(...pair));

const place = (element, { x0, y0, x1, y1 }) => (
  set(element, { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) }));

/** A rectangle in two tones, so that it is seen on light and on dark skin, hair and ground. */
function outline(overlay, className) {
  const group = shape("g", className, overlay);
  const lines = [shape("rect", "line line-under", group), shape("rect", "line line-over", group)];
  group.setAttribute("visibility", "hidden");
  return {
    group,
    show(box) {
      group.setAttribute("visibility", box ? "visible" : "hidden");
      if (box) lines.forEach((line) => place(line, box));
    },
  };
}

function drawHandles(handles, box, scale) {
  const half = 5 / scale;
  const middle = { x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2 };
  handles.forEach((handle, index) => {
    const name = HANDLES[index];
    const x = name.includes("w") ? box.x0 : name.includes("e") ? box.x1 : middle.x;
    const y = name.includes("n") ? box.y0 : name.includes("s") ? box.y1 : middle.y;
    place(handle, { x0: x - half, y0: y - half, x1: x + half, y1: y + half });
  });
}

/** Overlay, zoom and coordinates of one photograph in its frame. */
export function createStage({ frame, sheet, overlay, width, height, roomBelow, onZoom }) {
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const target = outline(overlay, "target");
  const drawn = outline(overlay, "drawn");
  const handles = HANDLES.map(() => shape("rect", "handle", drawn.group));
  const anchor = shape("circle", "anchor", overlay);
  let zoom = 1;
  let scale = 1;
  let box = null;
  let corner = null;

  function render() {
    drawn.show(box);
    if (box) drawHandles(handles, box, scale);
    anchor.setAttribute("visibility", corner ? "visible" : "hidden");
    if (corner) set(anchor, { cx: corner.x, cy: corner.y, r: 6 / scale });
  }

  function fit() {
    const across = Math.floor(frame.getBoundingClientRect().width) - 2 * ROOM; // with scroll bars, so that they change nothing
    if (across <= 0) return; // a window being closed or minimised
    const down = (roomBelow() ?? Math.max(220, innerHeight * (innerWidth < 800 ? 0.56 : 0.7))) - 2 * ROOM;
    const fitted = Math.min(across / width, down / height, LARGEST_FIT);
    scale = fitted * zoom;
    frame.style.height = `${Math.ceil(fitted * height) + 2 * ROOM}px`;
    sheet.style.width = `${scale * width}px`;
    sheet.style.height = `${scale * height}px`;
    render();
  }

  /** Zoom to a level and bring a natural point to `at` (client coordinates), if not told otherwise the one there. */
  function zoomTo(level, at = null, held = null) {
    const rect = frame.getBoundingClientRect();
    const where = at ?? { clientX: rect.left + rect.width / 2, clientY: rect.top + rect.height / 2 };
    const point = held ?? toNatural(where);
    zoom = Math.min(Math.max(level, ZOOMS[0]), ZOOMS.at(-1));
    frame.dataset.zoomed = String(zoom > 1);
    fit();
    const now = sheet.getBoundingClientRect();
    frame.scrollLeft += now.left + point.x * scale - where.clientX;
    frame.scrollTop += now.top + point.y * scale - where.clientY;
    onZoom(zoom, zoom <= ZOOMS[0], zoom >= ZOOMS.at(-1));
  }

  /** Where a pointer is, in the image's own pixels; whatever the zoom, scroll and device-pixel ratio. */
  function toNatural({ clientX, clientY }) {
    const rect = sheet.getBoundingClientRect();
    return {
      x: Math.min(Math.max((clientX - rect.left) * (width / rect.width), 0), width),
      y: Math.min(Math.max((clientY - rect.top) * (height / rect.height), 0), height),
    };
  }

  return {
    fit,
    toNatural,
    zoomTo,
    get zoom() { return zoom; },
    get scale() { return scale; },
    zoomIn: () => zoomTo(ZOOMS.find((level) => level > zoom) ?? zoom),
    zoomOut: () => zoomTo(ZOOMS.findLast((level) => level < zoom) ?? zoom),
    show(next) { box = next; render(); },
    showCorner(point) { corner = point; render(); },
    showTarget(next) { target.show(next); },

    /** Scroll the frame, never the page, so that the box can be seen. */
    reveal() {
      if (!box || zoom === 1) return;
      frame.scrollLeft = ((box.x0 + box.x1) / 2) * scale + ROOM - frame.clientWidth / 2;
      frame.scrollTop = ((box.y0 + box.y1) / 2) * scale + ROOM - frame.clientHeight / 2;
    },
  };
}
