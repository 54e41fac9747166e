/* Keep the monitor's numbers fresh while the page is looked at. */

const EVERY = 10000; // ms

const regions = (live) => [...live.querySelectorAll("[role=region]")];
const links = (live) => [...live.querySelectorAll("a, [role=region]")];

/** How far each table is scrolled, and what has the focus, by its place. */
function place(live) {
  return { scrolled: regions(live).map((one) => one.scrollTop), focus: links(live).indexOf(document.activeElement) };
}

/** Bring a new page's tables to where the old ones were; who reads them by keyboard goes on reading. */
function put(live, { scrolled, focus }) {
  regions(live).forEach((one, index) => { one.scrollTop = scrolled[index] ?? 0; });
  links(live)[focus]?.focus({ preventScroll: true });
}

async function refresh() {
  if (document.hidden) return;
  const live = document.getElementById("live");
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok) throw new Error(response.statusText);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const held = place(live);
    live.replaceChildren(...page.getElementById("live").childNodes);
    put(live, held);
    document.getElementById("fresh").textContent = `As it was at ${new Date().toLocaleTimeString()}`;
  } catch {
    document.getElementById("fresh").textContent = "The server does not answer; trying again";
  }
}

setInterval(refresh, EVERY);
