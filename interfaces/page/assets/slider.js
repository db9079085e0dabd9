// The time slider: every moment between the beginning and now. While it is dragged, the page follows.
import { replaceContent } from "./content.js";
import { stopLive } from "./live.js";
import { formatExact, formatLocal } from "./times.js";

const STEPS = 10000;

export function startSlider() {
  const form = document.querySelector("form.time");
  if (!form) return;
  const slider = form.querySelector(".slider");
  const field = form.querySelector("#at");
  const begin = Date.parse(form.dataset.begin);
  const end = Math.max(Date.now(), begin + 1000);
  slider.hidden = false;
  const stated = Date.parse(field.value);
  slider.value = Number.isNaN(stated) ? STEPS : Math.round(((stated - begin) / (end - begin)) * STEPS);
  describe(slider, field.value ? stated : null);
  field.value = field.value && formatExact(field.value);
  slider.addEventListener("input", () => {
    const at = momentOf(slider, begin, end);
    describe(slider, at);
    field.value = at === null ? "" : formatExact(new Date(at).toISOString());
    stopLive();
    follow(form);
  });
  slider.addEventListener("change", () => {
    const query = addressOf(form);
    waiting = null;
    location.assign(query);
  });
}

function momentOf(slider, begin, end) {
  const share = Number(slider.value) / STEPS;
  return share >= 1 ? null : Math.round(begin + (end - begin) * share);
}

function describe(slider, at) {
  slider.setAttribute("aria-valuetext", at === null ? "now" : formatLocal(new Date(at)));
}

export function addressOf(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
  return `${form.getAttribute("action")}${query.size ? `?${query}` : ""}`;
}

// What is shown is of another moment than the slider's, so the page says so.
function explain(why) {
  const note = document.createElement("p");
  note.className = "verdict bad";
  note.setAttribute("role", "alert");
  note.textContent = `That moment could not be read: ${why}.`;
  document.querySelector("main").replaceChildren(note);
}

let waiting = null;
let busy = false;

async function follow(form) {
  waiting = addressOf(form);
  if (busy) return;
  busy = true;
  while (waiting) {
    const address = waiting;
    waiting = null;
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok) {
      explain(answer ? `${answer.status} ${answer.statusText}` : "the server does not answer");
      continue;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    history.replaceState(null, "", address);
    replaceContent(page.querySelector("main").innerHTML);
  }
  busy = false;
}
