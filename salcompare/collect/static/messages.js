/* What the page says: a live region, the error summary, the notice of an unsent answer, feedback. */

/** A live region; while a box moves, only its last state is said. */
export function createVoice(region) {
  let timer = 0;
  const say = (words) => {
    clearTimeout(timer);
    region.textContent = words;
  };
  const sayLater = (words) => {
    clearTimeout(timer);
    timer = setTimeout(say, 500, words);
  };
  return { say, sayLater };
}

/** The summary of what is missing: a heading and links to the places; it takes the focus. */
export function createSummary(summary) {
  const list = summary.querySelector("ul");
  const title = document.title;

  function clear() {
    summary.hidden = true;
    document.title = title;
    list.replaceChildren();
    document.querySelectorAll(".problem").forEach((place) => { place.textContent = ""; });
    document.querySelectorAll("[aria-invalid]").forEach((place) => place.removeAttribute("aria-invalid"));
  }

  function add({ words, goTo, at, invalid }) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `#${goTo}`;
    link.textContent = words;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById(goTo).focus();
    });
    item.append(link);
    list.append(item);
    if (at) document.getElementById(at).textContent = words;
    if (invalid) document.getElementById(invalid).setAttribute("aria-invalid", "true");
  }

  function tell(problems) {
    clear();
    if (!problems.length) return;
    problems.forEach(add);
    summary.hidden = false;
    document.title = `Error: ${title}`;
  }

  return {
    clear,
    show(problems) {
      tell(problems);
      summary.focus();
    },

    /** Take away what is no longer missing; nothing new is said while the worker is at it. */
    keep(problems) {
      if (summary.hidden || summary.contains(document.activeElement)) return;
      const said = [...list.children].map((item) => item.textContent);
      const left = problems.filter(({ words }) => said.includes(words));
      if (left.length < said.length) tell(left);
    },
  };
}

const REASONS = {
  offline: "There is no connection just now. Your answer is kept on this page and is sent by itself as soon as the "
    + "connection is back. Please leave the page open.",
  trouble: "The study's computer could not store your answer just now. It is kept on this page, which tries again "
    + "by itself. Please leave the page open.",
  busy: "The study is busy just now. Your answer is kept on this page, which tries again by itself in a moment.",
};

/** The calm notice while an answer waits. */
export function createNotice(notice, tryNow) {
  const text = notice.querySelector("p");
  notice.querySelector("button").addEventListener("click", tryNow);
  return {
    show({ reason, error }) {
      const words = (reason === "trouble" && error) || REASONS[reason];
      if (text.textContent !== words) text.textContent = words;
      notice.hidden = false;
      if (document.activeElement === document.body) notice.focus(); // the button that was pressed is out of reach now
    },
    hide() {
      notice.hidden = true;
      text.textContent = "";
    },
  };
}

/** Say what came of an answer; the way on takes the focus. */
export function showOutcome(panel, { good = null, heading, text, onward, next }) {
  if (good !== null) panel.dataset.ok = String(good);
  panel.querySelector("h2").textContent = heading;
  panel.querySelector("p").textContent = text;
  const link = panel.querySelector("a");
  link.href = next;
  link.textContent = onward;
  panel.hidden = false;
  document.getElementById("earlier")?.setAttribute("hidden", ""); // what was said of the try before
  panel.focus();
}
