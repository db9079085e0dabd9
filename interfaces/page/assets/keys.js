// Keys: / searches, j and k choose a row, Enter opens it, [ and ] step through time, ? lists them.
export function startKeys() {
  const help = document.querySelector("dialog.keys");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    const act = {
      "/": () => document.querySelector("#search").focus(),
      j: () => choose(1),
      k: () => choose(-1),
      "[": () => document.querySelector(".step")?.click(),
      "]": () => document.querySelectorAll(".step")[1]?.click(),
      "?": () => (help.open ? help.close() : help.showModal()),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.querySelector("[data-keys]")?.addEventListener("click", () => help.showModal());
}

function isWriting(element) {
  return element.closest("input:not([type=range]), textarea, select") !== null;
}

function choose(by) {
  const rows = [...document.querySelectorAll("main tr[data-row]")];
  if (!rows.length) return;
  const now = rows.findIndex((row) => row.classList.contains("chosen"));
  const row = rows[Math.max(0, Math.min(rows.length - 1, now < 0 ? 0 : now + by))];
  rows[now]?.classList.remove("chosen");
  row.classList.add("chosen");
  row.scrollIntoView({ block: "nearest" });
  row.querySelector("a, summary")?.focus({ preventScroll: true });
}
