/* What this tab remembers of a trial: the drawn box (a draft) and an answer that is not yet sent. */

const DRAFT = "salcompare.draft.";
const root = document.getElementById("trial").dataset.root; // another study may stand beside this one
const WAITING = `salcompare.waiting.${root}:`;

/** Storage can be full or forbidden; the page then works without it. */
function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

const read = (key) => attempt(() => JSON.parse(sessionStorage.getItem(key)));
const write = (key, value) => attempt(() => sessionStorage.setItem(key, JSON.stringify(value)));
const drop = (key) => attempt(() => sessionStorage.removeItem(key));

/** Keep, read and forget the draft of one photograph. */
export function draftOf(name) {
  const key = DRAFT + name;
  return { read: () => read(key), write: (draft) => write(key, draft), drop: () => drop(key) };
}

/** Keep an answer until the server has said that it has it. */
export const keepWaiting = (answer) => write(WAITING + answer.token, answer);

/** The server has it, or will never take it. */
export const dropWaiting = (token) => drop(WAITING + token);

/** An answer of this tab that was never acknowledged, or null. */
export function findWaiting() {
  const keys = attempt(() => Object.keys(sessionStorage).filter((key) => key.startsWith(WAITING))) ?? [];
  return keys.map(read).find((answer) => answer && typeof answer.token === "string") ?? null;
}

/** Remember whether the worker last used the keyboard or a pointer, "keys" or "pointer". */
export const keepHand = (hand) => write("salcompare.hand", hand);
export const lastHand = () => read("salcompare.hand");
