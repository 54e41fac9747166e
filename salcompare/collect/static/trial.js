/* A trial: the parts of the page wired together. */

import { createBox, inWords, isBox } from "./box.js";
import { attachKeys, attachPointing } from "./drawing.js";
import { attachLabels, attachNumbers } from "./fields.js";
import { createNotice, createSummary, createVoice, showOutcome } from "./messages.js";
import { createSender, draftOf, dropWaiting, findWaiting, keepHand, keepWaiting, lastHand } from "./sending.js";
import { createStage } from "./stage.js";

const part = (id) => document.getElementById(id);
const form = part("trial");
const size = {
  width: Number(form.dataset.width),
  height: Number(form.dataset.height),
  minSize: Math.max(1, Math.ceil(Number(form.dataset.minSize) || 1)),
};
const draft = draftOf(form.dataset.image);
const begun = performance.now();
const voice = createVoice(part("voice"));
const summary = createSummary(part("errors"));
const box = createBox();
const dialog = part("none-dialog");
let earlier = 0; // seconds spent here before a reload
let state = "open"; // then "sending", then "answered"

const seconds = () => Math.round(earlier * 1000 + performance.now() - begun) / 1000;
const allowed = () => state === "open";
const asBox = ([x0, y0, x1, y1]) => ({ x0, y0, x1, y1 });

const LEAST = 220; // CSS pixels of height that a photograph needs

/**
 * How high the photograph may be above what sticks to the bottom of a small screen; null where nothing does.
 * The labels stick with the buttons where that leaves enough for the photograph, else the buttons alone.
 */
function roomBelow() {
  const sticky = matchMedia("(max-width: 55.99rem) and (min-height: 30rem)").matches;
  const top = part("frame").getBoundingClientRect().top + scrollY;
  const whole = part("labels").offsetHeight + part("answer").offsetHeight + 40; // with what is around them
  const left = innerHeight - top - whole;
  form.dataset.sticks = !sticky ? "nothing" : left >= LEAST ? "all" : "buttons";
  const covered = { nothing: 0, all: whole, buttons: part("answer").offsetHeight }[form.dataset.sticks];
  document.documentElement.style.scrollPaddingBottom = `${covered}px`; // what has the focus is not covered
  return form.dataset.sticks === "all" ? left : null;
}

const stage = createStage({
  frame: part("frame"), sheet: part("sheet"), overlay: part("overlay"), width: size.width, height: size.height,
  roomBelow,
  onZoom(zoom, least, most) {
    part("zoom-level").textContent = `${Math.round(zoom * 100)} %`;
    part("zoom-out").setAttribute("aria-disabled", String(least));
    part("zoom-in").setAttribute("aria-disabled", String(most));
    voice.sayLater(`Zoom ${Math.round(zoom * 100)} percent.`);
  },
});
const labels = attachLabels({
  group: part("labels"), own: part("own-label"), ownField: part("own-field"), onChange: keepDraft,
});

function keepDraft() {
  if (state === "open") summary.keep(missing());
  if (state !== "answered") draft.write({ box: box.current, choice: labels.choice, seconds: seconds() });
}

function drawOn(shown, done) {
  stage.show(shown);
  part("undo").setAttribute("aria-disabled", String(!box.canUndo));
  part("redo").setAttribute("aria-disabled", String(!box.canRedo));
  part("again").setAttribute("aria-disabled", String(!shown));
  part("hint").dataset.done = String(Boolean(shown));
  if (!done) return;
  voice.sayLater(inWords(shown));
  keepDraft();
}

function setState(next) {
  state = next;
  form.dataset.state = next;
  part("controls").inert = next !== "open";
  part("send").textContent = next === "sending" ? "Sending…" : part("send").dataset.words;
}

const notice = createNotice(part("notice"), () => sender.now());
const sender = createSender((outcome) => {
  if (outcome.kind !== "again") return settled(outcome);
  part("send").textContent = "Waiting to send…";
  return notice.show(outcome);
});
let sent = null; // the answer in the sender's hands

function settled(outcome) {
  notice.hide();
  if (outcome.kind !== "gone" || outcome.final) dropWaiting(sent.token);
  const old = sent.token !== form.dataset.token; // found after a reload, and its time has run out since
  if (outcome.kind === "refused" || (outcome.kind === "gone" && outcome.final && old)) {
    setState("open");
    return old ? null : summary.show([{ words: outcome.error, goTo: "frame" }]);
  }
  setState("answered");
  if (outcome.kind === "stored") draft.drop(); // else it stays, should the photograph come back
  if (outcome.kind === "stored" && !outcome.feedback) return location.replace(outcome.next);
  return showOutcome(part("feedback"), outcome.feedback ? practised(outcome) : {
    heading: "This photograph is closed", text: outcome.error, onward: "Go on", next: outcome.next,
  });
}

function practised({ feedback, next }) {
  const { ok: good, text, box: target } = feedback;
  stage.showTarget(target && asBox(target));
  return { good, text, next, heading: good ? "That is it" : "Not quite yet", onward: good ? "Go on" : "Try again" };
}

function send(answer) {
  sent = answer;
  summary.clear();
  keepWaiting(answer);
  setState("sending");
  sender.start(answer);
}

function missing() {
  const problems = [];
  if (!box.current) problems.push({ words: "Draw a box on the photograph.", goTo: "frame", at: "box-problem" });
  if (labels.label === null) {
    problems.push({ words: "Choose what is in the box.", goTo: "label-1", at: "label-problem" });
  } else if (!labels.label) {
    problems.push({
      words: "Write in your own words what is in the box.", goTo: "own-label", at: "label-problem", invalid: "own-label",
    });
  }
  return problems;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!allowed()) return;
  const problems = missing();
  if (problems.length) return summary.show(problems);
  const answered = [{ label: labels.label, ...box.current }];
  return send({ token: form.dataset.token, boxes: answered, seconds: seconds(), nothing: false });
});

part("none").addEventListener("click", () => allowed() && dialog.showModal());
dialog.addEventListener("close", () => {
  if (dialog.returnValue === "none" && allowed()) {
    send({ token: form.dataset.token, boxes: [], seconds: seconds(), nothing: true });
  }
  dialog.returnValue = "";
});

/** Bring back what this tab remembers: the drawn box, and an answer that never reached the server. */
function restore() {
  const kept = draft.read();
  earlier = Number.isFinite(kept?.seconds) ? kept.seconds : 0;
  labels.restore(kept?.choice);
  if (isBox(kept?.box, size)) box.commit(kept.box);
  const target = JSON.parse(form.dataset.target ?? "null"); // of the try before
  if (target) stage.showTarget(asBox(target));
  const waiting = findWaiting();
  if (waiting) send(waiting);
}

const pointing = attachPointing({ surface: part("surface"), stage, box, size, say: voice.say, allowed });
attachKeys({
  frame: part("frame"), stage, box, size, letGo: pointing.letGo, allowed, pick: labels.pick,
  send: () => form.requestSubmit(),
});
attachNumbers({
  fields: ["left", "top", "wide", "high"].map((side) => part(`box-${side}`)), box, size, say: voice.say,
});
Object.entries({
  undo: box.undo, redo: box.redo, again: () => box.commit(null),
  "zoom-in": stage.zoomIn, "zoom-out": stage.zoomOut, "zoom-fit": () => stage.zoomTo(1),
}).forEach(([id, act]) => {
  part(id).addEventListener("click", () => part(id).getAttribute("aria-disabled") !== "true" && act());
});
box.listen(drawOn);
const sizes = new ResizeObserver(() => stage.fit());
["frame", "labels", "answer"].forEach((id) => sizes.observe(part(id)));
addEventListener("resize", stage.fit);
addEventListener("pagehide", keepDraft);
addEventListener("pageshow", (event) => event.persisted && location.reload()); // the trial may be over
addEventListener("beforeunload", (event) => sender.waiting && event.preventDefault());
stage.fit();
restore();
// The next photograph begins where the keyboard is needed, not at the top of the page; a ring around it is drawn
// only for those who use the keyboard.
if (lastHand() === "pointer") part("frame").dataset.quiet = "true";
if (document.activeElement === document.body) part("frame").focus({ preventScroll: true });
addEventListener("pointerdown", () => keepHand("pointer"), true);
addEventListener("keydown", () => {
  delete part("frame").dataset.quiet;
  keepHand("keys");
}, true);
form.dataset.ready = "true";
