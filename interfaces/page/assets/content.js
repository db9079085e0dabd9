// Replace what a page shows by another rendering of it, and keep what the reader has opened, chosen and focused.
import { startAxes } from "./axis.js";
import { startLanes } from "./lanes.js";
import { localizeTimes } from "./times.js";

export const shown = new EventTarget();

let fetching = null;

export function startContent(root) {
  localizeTimes(root);
  startAxes(root);
  startLanes(root);
  fetchLater(root);
}

// What takes the server longer is fetched after the rest is shown.
async function fetchLater(root) {
  fetching?.abort();
  const later = root.querySelector("[data-later]");
  if (!later) return;
  const { signal } = (fetching = new AbortController());
  later.setAttribute("aria-busy", "true");
  const answer = await fetch(later.dataset.later, { signal }).catch(() => null);
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  if (page && later.isConnected) return replaceContent(page.querySelector("main").innerHTML);
  later.removeAttribute("aria-busy");
  if (!signal.aborted) later.querySelector("[role=status]").append(` could not be read: ${answer?.statusText ?? "no answer"}`);
}

export function replaceContent(html) {
  const main = document.querySelector("main");
  const opened = [...main.querySelectorAll("details[open][id]")].map((one) => one.id);
  const focused = main.contains(document.activeElement) ? document.activeElement.id : "";
  const chosen = main.querySelector("tr.chosen a")?.getAttribute("href");
  const made = document.createElement("template");
  made.innerHTML = html;
  // What draws itself stays as it is, where it is.
  for (const kept of main.querySelectorAll("[data-keep]")) {
    made.content.getElementById(kept.id)?.replaceWith(kept);
  }
  localizeTimes(made.content);
  main.replaceChildren(made.content);
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  if (chosen) {
    for (const link of main.querySelectorAll("tr a")) {
      if (link.getAttribute("href") === chosen) link.closest("tr").classList.add("chosen");
    }
  }
  startAxes(main);
  startLanes(main);
  fetchLater(main);
  shown.dispatchEvent(new Event("replaced"));
}
