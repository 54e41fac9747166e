/* Keep the monitor's numbers fresh while the page is looked at. */

const EVERY = 15000; // ms

async function refresh() {
  if (document.hidden) return;
  const live = document.getElementById("live");
  if (live.contains(document.activeElement)) return; // do not take a table away from who reads it by keyboard
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok) throw new Error(response.statusText);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    live.replaceChildren(...page.getElementById("live").childNodes);
    document.getElementById("fresh").textContent = `As it was at ${new Date().toLocaleTimeString()}`;
  } catch {
    document.getElementById("fresh").textContent = "The server does not answer; trying again";
  }
}

setInterval(refresh, EVERY);
