// New renderings of the page as the log grows: server-sent events through fetch, because a stream needs Last-Event-ID.
import { replaceContent } from "./content.js";

let paused = false;
let stop = null;
let position = "0";

export function startLive() {
  const chip = document.querySelector(".live");
  if (!chip || !("live" in document.querySelector("main").dataset)) return;
  position = document.querySelector("main").dataset.position;
  chip.disabled = false;
  chip.addEventListener("click", () => {
    paused = !paused;
    follow();
  });
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => stop?.abort());
  follow();
}

export function stopLive() {
  paused = true;
  follow();
}

function follow() {
  stop?.abort();
  stop = null;
  if (paused) return show("paused");
  if (document.hidden) return show("still");
  stop = new AbortController();
  read(stop.signal);
}

async function read(signal) {
  while (!signal.aborted) {
    try {
      const page = encodeURIComponent(location.pathname + location.search);
      const answer = await fetch(`/live/events?page=${page}`, { headers: { "Last-Event-ID": position }, signal });
      if (answer.redirected || answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(answer.statusText);
      show("live");
      await take(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      if (signal.aborted) return;
    }
    if (signal.aborted) return;
    show("lost");
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function take(reader) {
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = (rest + value).split("\n\n");
    rest = messages.pop();
    for (const message of messages) handle(message);
  }
}

function handle(message) {
  const fields = {};
  for (const line of message.split("\n")) {
    const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line) || [];
    if (name) fields[name] = value;
  }
  if (fields.event === "fault") return show("stale");
  if (fields.event === "live") return show("live");
  if (fields.id) position = document.querySelector("main").dataset.position = fields.id;
  if (fields.data) {
    show("live");
    replaceContent(JSON.parse(fields.data));
  }
}

function show(state) {
  const chip = document.querySelector(".live");
  chip.dataset.state = state;
  chip.querySelector("span").textContent = { live: "live", paused: "paused", still: "now", lost: "lost", stale: "stale" }[state];
  chip.title = { live: "Pause", paused: "Go on", lost: "The connection is lost and tried again", stale: "The server could not read this page again; it shows what it read last" }[state] ?? "";
}
