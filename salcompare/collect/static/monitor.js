/* Keep the monitor's numbers fresh while the page is looked at. */

const EVERY = 10000; // ms

/** Bring the tables of now; they stay scrolled as they were, and who reads them by keyboard goes on reading. */
async function refresh() {
  if (document.hidden) return;
  const live = document.getElementById("live");
  const regions = () => [...live.querySelectorAll("[role=region]")];
  const links = () => [...live.querySelectorAll("a, [role=region]")];
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok) throw new Error(response.statusText);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const scrolled = regions().map((one) => one.scrollTop);
    const focus = links().indexOf(document.activeElement);
    live.replaceChildren(...page.getElementById("live").childNodes);
    regions().forEach((one, index) => { one.scrollTop = scrolled[index] ?? 0; });
    links()[focus]?.focus({ preventScroll: true });
    document.getElementById("fresh").textContent = `As it was at ${new Date().toLocaleTimeString()}`;
  } catch {
    document.getElementById("fresh").textContent = "The server does not answer; trying again";
  }
}

setInterval(refresh, EVERY);
