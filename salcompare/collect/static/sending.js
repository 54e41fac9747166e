/* What this tab remembers of a trial, and sending an answer until the server has it: the same token each time, so that
   it counts once. */

const DRAFT = "salcompare.draft.";
const root = document.getElementById("trial").dataset.root; // the path that the study stands under, "" for none
const WAITING = `salcompare.waiting.${root}:`; // another study may stand beside this one

/** Storage can be full or forbidden; the page then works without it. */
function tried(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

const read = (key) => tried(() => JSON.parse(sessionStorage.getItem(key)));
const write = (key, value) => tried(() => sessionStorage.setItem(key, JSON.stringify(value)));
const drop = (key) => tried(() => sessionStorage.removeItem(key));

/** Keep, read and forget the draft of one photograph. */
export const draftOf = (name, key = DRAFT + name) => (
  { read: () => read(key), write: (draft) => write(key, draft), drop: () => drop(key) });

/** Keep an answer until the server has said that it has it. */
export const keepWaiting = (answer) => write(WAITING + answer.token, answer);

/** The server has it, or will never take it. */
export const dropWaiting = (token) => drop(WAITING + token);

/** An answer of this tab that was never acknowledged, or null. */
export function findWaiting() {
  const keys = tried(() => Object.keys(sessionStorage).filter((key) => key.startsWith(WAITING))) ?? [];
  return keys.map(read).find((answer) => answer && typeof answer.token === "string") ?? null;
}

/** Remember whether the worker last used the keyboard or a pointer, "keys" or "pointer". */
export const keepHand = (hand) => write("salcompare.hand", hand);
export const lastHand = () => read("salcompare.hand");

const PATIENCE = 15000; // ms for one attempt
const WAITS = [1, 2, 4, 8, 15, 30]; // s between attempts, the last for ever

const inside = (path) => typeof path === "string" && /^\/(?![/\\])/.test(path);

/** What a reply means for the worker: "stored", "gone" (with a page to go to), "refused" or "again". */
function judge(response, words) {
  const next = inside(words.next) ? words.next : null;
  const onward = next ?? `${root}/next`;
  if (response.ok && words.ok) return { kind: "stored", next: onward, feedback: words.feedback ?? null };
  const seconds = Number(response.headers.get("Retry-After"));
  const wait = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  if (response.status === 429) return { kind: "again", reason: "busy", wait };
  if (response.status >= 500 || response.ok) return { kind: "again", reason: "trouble", wait, error: words.error };
  if (next || [401, 403, 404, 409, 410].includes(response.status)) {
    // Without a session the answer can still be taken, once the worker has come back by their link.
    const final = ![401, 403].includes(response.status);
    return { kind: "gone", final, next: onward, error: words.error ?? "Please go on." };
  }
  return { kind: "refused", error: words.error ?? "This answer could not be taken." };
}

async function attempt(answer) {
  try {
    const response = await fetch(`${root}/submit`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Requested-With": "salcompare" },
      body: JSON.stringify(answer),
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE),
    });
    return judge(response, (await response.json().catch(() => null)) ?? {}); // nothing, where it is no JSON
  } catch {
    return { kind: "again", reason: "offline" };
  }
}

/** Send answers one at a time; `onTurn(outcome)` hears of each attempt, an "again" one before the wait. */
export function createSender(onTurn) {
  let answer = null;
  let busy = false;
  let tries = 0;
  let timer = 0;

  async function go() {
    if (!answer || busy) return;
    clearTimeout(timer);
    busy = true;
    const outcome = await attempt(answer);
    busy = false;
    if (outcome.kind === "again") {
      const wait = outcome.wait ?? WAITS[Math.min(tries, WAITS.length - 1)];
      tries += 1;
      timer = setTimeout(go, wait * 1000 * (1 + Math.random() / 4)); // spread out: many pages may be waiting
    } else answer = null;
    onTurn(outcome);
  }

  addEventListener("online", go);
  return {
    start(next) {
      answer = next;
      tries = 0;
      return go();
    },
    now: go,
    get waiting() { return answer !== null; },
  };
}
