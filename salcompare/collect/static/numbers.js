/* Four number fields that say and set the same box. */

import { fromNumbers, same } from "./geometry.js";

const asNumbers = (box) => [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0];

/** Tie the fields left, top, width and height to the box. */
export function attachNumbers({ fields, box, size, say }) {
  const limits = [size.width - size.minSize, size.height - size.minSize, size.width, size.height];
  fields.forEach((field, index) => {
    field.min = index < 2 ? 0 : size.minSize;
    field.max = limits[index];
  });

  function write(shown) {
    const values = shown ? asNumbers(shown) : ["", "", "", ""];
    fields.forEach((field, index) => { field.value = values[index]; });
  }

  function read() {
    const typed = fields.map((field) => field.valueAsNumber);
    if (!typed.every(Number.isFinite)) return; // not all four are there yet
    const asked = { x0: typed[0], y0: typed[1], x1: typed[0] + typed[2], y1: typed[1] + typed[3] };
    const next = fromNumbers(...typed, size);
    box.commit(next);
    write(next);
    if (!same(asked, next)) say("The numbers were brought inside the photograph.");
  }

  box.listen(write);
  fields.forEach((field) => {
    field.addEventListener("change", read);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // Enter sets the number; it must not send the answer
      read();
    });
  });
}
