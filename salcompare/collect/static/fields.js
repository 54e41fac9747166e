/* The fields beside the photograph: the label, one of the study's or words of one's own, and the box in numbers. */

import { fromNumbers, same } from "./box.js";

const KEYS = "1234567890";

/** Read, set and watch the radio group with its free label. */
export function attachLabels({ group, own, ownField, onChange }) {
  const radios = [...group.querySelectorAll("input[type=radio]")];
  const chosen = () => radios.find((radio) => radio.checked) ?? null;

  function show() {
    ownField.hidden = !chosen() || chosen().value !== "";
  }

  group.addEventListener("change", (event) => {
    if (event.target === own) return;
    show();
    onChange();
  });
  group.addEventListener("click", (event) => {
    // A click, not an arrow key through the group: only then is it sure that words are wanted next.
    if (event.detail === 0 || !event.target.matches("input[type=radio][value='']")) return;
    show(); // the change is told only after the click, and what is hidden takes no focus
    own.focus();
  });
  own.addEventListener("input", onChange);

  /** Choose the label that a digit stands for; false for other keys. */
  function pick(key) {
    const radio = key.length === 1 ? radios[KEYS.indexOf(key)] : null;
    if (!radio) return false;
    radio.checked = true;
    show();
    if (radio.value === "") own.focus();
    else if (group.contains(document.activeElement)) radio.focus();
    onChange();
    return true;
  }

  group.addEventListener("keydown", (event) => {
    if (event.target === own || event.ctrlKey || event.metaKey || event.altKey) return;
    if (pick(event.key)) event.preventDefault();
  });

  return {
    pick,

    get choice() { return { radio: chosen()?.value ?? null, own: own.value }; },

    /** The label as it will be sent; "" for an own one without words, null when none is chosen. */
    get label() {
      const radio = chosen();
      return radio ? radio.value || own.value.trim().replace(/\s+/g, " ") : null;
    },

    restore(choice) {
      const radio = radios.find((one) => one.value === choice?.radio);
      if (radio) radio.checked = true;
      if (typeof choice?.own === "string") own.value = choice.own;
      show();
    },
  };
}

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
