// Lanes of attempts on a canvas. Only the lanes in view are drawn, and only the parts in view are read, so that 50,000 are
// as smooth as 50.
import { formatLocal, formatMark, makeTime, roundTimes } from "./times.js";

const ROW = 18; // the height of a lane
const TOP = 26; // the height of the axis
const MOST_ZOOM = 1e6;
const LISTED = 100; // how many lanes the table has at once
const PART = 1000; // how many lanes are read at once

class Lanes {
  constructor(element) {
    this.element = element;
    this.view = element.querySelector(".lanes-view");
    this.room = element.querySelector(".lanes-room");
    this.canvas = element.querySelector("canvas");
    this.text = element.querySelector(".lanes-text");
    this.context = this.canvas.getContext("2d");
    this.chosen = -1;
    this.from = 0; // the time at the left edge, in milliseconds from the beginning
    this.scale = 0; // pixels for each millisecond; 0 shows all
    this.listen();
  }

  async load() {
    const inside = document.getElementById("lanes-data");
    if (inside) return this.take(JSON.parse(inside.textContent));
    const part = Math.floor(this.view.scrollTop / ROW / PART);
    const data = await (this.isWhole() ? this.read() : this.read(part));
    if (data) this.take(data);
  }

  // Groups and the critical path need every lane.
  isWhole() {
    return Boolean(this.element.querySelector("[data-by]")?.value || this.element.querySelector("[data-path]")?.checked);
  }

  // Return a part of the lanes, or all of them.
  async read(part = null) {
    const [address, rest] = this.element.dataset.lanes.split("?");
    const asked = new URLSearchParams(rest);
    const at = new URLSearchParams(location.search).get("at");
    const wanted = {
      at, by: this.element.querySelector("[data-by]").value,
      path: this.element.querySelector("[data-path]").checked && "yes",
      // Viewers of one page share an answer that has what the page has.
      after: document.querySelector("main").dataset.position,
    };
    asked.delete("at");
    for (const [name, value] of Object.entries(wanted)) if (value) asked.set(name, value);
    // The page has this address too, so that the first part is read before scripts run.
    if (part !== null) for (const [name, value] of [["n", PART], ["from", part * PART]]) asked.set(name, value);
    const answer = await fetch(`${address}?${asked}`);
    if (answer.ok) return answer.json();
    this.text.textContent = `The lanes could not be read: ${answer.status} ${answer.statusText}.`;
    return null;
  }

  take(data) {
    const total = data.total ?? data.lanes.length;
    this.data = { ...data, lanes: new Array(total) };
    this.asked = new Set([Math.floor(data.from / PART)]);
    this.put(data);
    this.view.hidden = this.element.querySelector(".lanes-bar").hidden = !total;
    const which = data.is_cut ? "the first ones; more were not read" : "";
    this.text.textContent = total ? `${total.toLocaleString()} lanes${which && `, ${which}`}.` : "Nothing has begun.";
    if (!total) return;
    this.begin = Date.parse(data.begin);
    this.length = Math.max(Date.parse(data.end) - this.begin, 1);
    this.group(this.data.lanes);
    const places = new Map();
    if (data.path.length) this.rows.forEach((lane, row) => places.set(lane[0], row));
    this.path = data.path.map(([id, from, to]) => [places.get(id), Date.parse(from) - this.begin, Date.parse(to) - this.begin]);
    this.path = this.path.filter(([row]) => row !== undefined);
    this.readColours();
    this.room.style.height = `${TOP + this.rows.length * ROW}px`;
    this.list(this.listed ?? 0);
    this.schedule();
  }

  // Put a part of the lanes in its place; each part numbers the statuses for itself.
  put({ from, lanes, statuses = [] }) {
    const known = this.data.statuses ?? [];
    const numbers = statuses.map((status) => {
      const number = known.findIndex(({ name }) => name === status.name);
      return number < 0 ? known.push(status) - 1 : number;
    });
    lanes.forEach((lane, place) => {
      lane[1] = lane[1].map((number) => numbers[number]);
      this.data.lanes[from + place] = lane;
    });
  }

  // Read the part that has a row, unless it has been asked for.
  async complete(row) {
    const part = Math.floor(row / PART);
    if (this.asked.has(part)) return;
    const { data, asked } = this;
    asked.add(part);
    const more = await this.read(part);
    if (data !== this.data) return; // all was read again meanwhile
    if (!more) return asked.delete(part);
    this.put(more);
    this.readColours();
    this.list(this.listed);
    this.schedule();
  }

  group(lanes) {
    // A row is a lane, or the text that heads a group.
    this.rows = lanes;
    if (!this.element.querySelector("[data-by]")?.value) return;
    const groups = new Map();
    for (const lane of lanes) {
      if (!groups.has(lane[3])) groups.set(lane[3], []);
      groups.get(lane[3]).push(lane);
    }
    this.rows = [];
    for (const [name, members] of groups) {
      this.rows.push(printable(`${name ?? "none"}: ${members.length}`));
      for (const lane of members) this.rows.push(lane);
    }
  }

  readColours() {
    const legend = this.element.querySelector("[data-legend]");
    legend.replaceChildren();
    this.colours = this.data.statuses.map(({ name, css }) => {
      const chip = this.addToLegend(legend, css, name);
      return getComputedStyle(chip).getPropertyValue("--c").trim();
    });
    if (this.path.length) this.addToLegend(legend, "path", "critical path");
    const style = getComputedStyle(this.element);
    this.ink = style.getPropertyValue("--ink").trim();
    this.quiet = style.getPropertyValue("--quiet").trim();
    this.line = style.getPropertyValue("--line").trim();
    this.page = style.getPropertyValue("--page").trim();
    this.focus = style.getPropertyValue("--focus").trim();
  }

  addToLegend(legend, css, name) {
    return legend.appendChild(document.createElement("li")).appendChild(makeChip(css, name));
  }

  schedule() {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.draw());
  }

  fit() {
    const width = this.view.clientWidth;
    const height = this.view.clientHeight;
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.width = width;
    this.height = height;
    this.left = Math.min(220, width * 0.3);
    this.whole = (width - this.left - 8) / this.length;
    this.pixels = this.scale || this.whole;
    if (!this.scale) this.from = 0;
  }

  draw() {
    this.waiting = 0;
    if (!this.data || !this.data.lanes.length) return;
    this.fit();
    const { context, width, height } = this;
    context.fillStyle = this.page;
    context.fillRect(0, 0, width, height);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const first = Math.floor(this.view.scrollTop / ROW);
    const last = Math.min(this.rows.length - 1, first + Math.ceil((height - TOP) / ROW));
    for (let row = first; row <= last; row++) {
      if (this.rows[row]) this.drawRow(row, TOP + row * ROW - this.view.scrollTop);
      else this.complete(row);
    }
    this.drawPath(first, last);
    this.drawAxis();
    this.frames = (this.frames || 0) + 1;
  }

  drawRow(row, y) {
    const { context } = this;
    const lane = this.rows[row];
    context.textAlign = "left";
    if (typeof lane === "string") {
      context.fillStyle = this.ink;
      context.font = "600 12px system-ui, sans-serif";
      context.fillText(lane, 4, y + ROW / 2, this.width - 8);
      context.font = "12px system-ui, sans-serif";
      return;
    }
    if (row === this.chosen) {
      context.fillStyle = this.line;
      context.fillRect(0, y, this.width, ROW);
    }
    this.drawBars(lane, y);
    context.fillStyle = row === this.chosen ? this.ink : this.quiet;
    context.fillText(this.shorten(lane[0]), 4, y + ROW / 2);
  }

  // Measuring text takes longer than drawing it, so that each id is shortened once for each width.
  shorten(id) {
    if (this.shortened?.width !== this.left) this.shortened = { width: this.left, ids: new Map() };
    const { ids } = this.shortened;
    if (!ids.has(id)) ids.set(id, shorten(this.context, printable(id), this.left - 12));
    return ids.get(id);
  }

  // The links of the critical path lie under their bars, and lines lead from lane to lane.
  drawPath(first, last) {
    const y = (row) => TOP + row * ROW - this.view.scrollTop + ROW - 3;
    this.path.forEach(([row, from, to], number) => {
      if (row >= first && row <= last) this.drawSpan(from, to, y(row), 2, this.ink);
      const next = this.path[number + 1]?.[0] ?? row;
      const x = this.place(to);
      if (next === row || Math.max(row, next) < first || Math.min(row, next) > last || x < this.left) return;
      this.context.fillStyle = this.ink;
      this.context.fillRect(x - 1, Math.min(y(row), y(next)), 1, Math.abs(y(next) - y(row)) + 2);
    });
  }

  drawBars(lane, y) {
    const [, statuses, times] = lane;
    for (let n = 0; n < statuses.length; n++) {
      const isLast = n + 1 === statuses.length;
      if (isLast && this.data.statuses[statuses[n]].ends) {
        // The end is a mark, because nothing lasts there.
        this.drawSpan(times[n], times[n] + 3 / this.pixels, y + 2, ROW - 5, this.colours[statuses[n]]);
      } else {
        this.drawSpan(times[n], isLast ? this.length : times[n + 1], y + 3, ROW - 7, this.colours[statuses[n]]);
      }
    }
  }

  drawSpan(from, to, y, height, colour) {
    const x1 = Math.max(this.place(from), this.left);
    const x2 = Math.min(this.place(to), this.width);
    if (x2 < this.left || x1 > this.width || x2 < x1) return;
    this.context.fillStyle = colour;
    this.context.fillRect(x1, y, Math.max(x2 - x1, 1), height);
  }

  drawAxis() {
    const { context } = this;
    context.fillStyle = this.page;
    context.fillRect(0, 0, this.width, TOP);
    context.fillStyle = this.quiet;
    const from = this.begin + this.from;
    const room = this.width - 30 - this.left; // half a mark is right of its time
    const { step, times } = roundTimes(from, from + room / this.pixels, Math.max(1, Math.floor(room / 90)));
    context.textAlign = "center";
    for (const at of times) {
      const x = this.place(at - this.begin);
      context.fillRect(x, TOP - 6, 1, 5);
      context.fillText(formatMark(at, step), x, 10);
    }
    context.fillStyle = this.line;
    context.fillRect(0, TOP - 1, this.width, 1);
  }

  place(time) {
    return this.left + (time - this.from) * this.pixels;
  }

  zoom(factor, x = this.left + (this.width - this.left) / 2) {
    const at = this.from + (x - this.left) / this.pixels;
    const scale = factor ? Math.min(this.pixels * factor, this.whole * MOST_ZOOM) : 0;
    this.scale = scale > this.whole ? scale : 0;
    if (this.scale) this.move(at - (x - this.left) / this.scale);
    else this.schedule();
  }

  move(from) {
    const scale = this.scale || this.whole;
    const visible = (this.width - this.left) / scale;
    this.from = Math.max(0, Math.min(from, this.length - visible + 20 / scale));
    this.schedule();
  }

  rowAt(y) {
    return y < TOP ? -1 : Math.floor((y - TOP + this.view.scrollTop) / ROW);
  }

  choose(row) {
    if (row < 0 || row >= this.rows.length || row === this.chosen) return;
    this.chosen = row;
    const lane = this.rows[row];
    if (lane) this.text.textContent = typeof lane === "string" ? lane : this.describe(lane);
    this.schedule();
  }

  describe([id, statuses, times]) {
    const last = statuses.length - 1;
    const name = this.data.statuses[statuses[last]].name;
    const began = formatLocal(new Date(this.begin + times[0]));
    return `${printable(id)}: ${printable(name)} since ${formatLocal(new Date(this.begin + times[last]))}, began ${began}`;
  }

  open() {
    const lane = this.rows[this.chosen];
    if (!Array.isArray(lane) || !this.element.dataset.lanes) return;
    location.assign(this.addressOf(lane));
  }

  addressOf([id]) {
    const at = new URLSearchParams(location.search).get("at");
    const path = id.split("/").map(encodeURIComponent).join("/");
    return `/${this.data.kind}/${path}${at ? `?at=${encodeURIComponent(at)}` : ""}`;
  }

  // Fill the table with some lanes from a number on.
  list(from) {
    const table = this.element.querySelector("[data-lanes-table]");
    if (!table || !this.data) return;
    table.hidden = false;
    const { lanes } = this.data;
    this.listed = Math.max(0, from < lanes.length ? from : 0);
    const end = Math.min(this.listed + LISTED, lanes.length);
    if (!lanes[this.listed] && table.open) this.complete(this.listed);
    const shown = lanes.slice(this.listed, end).filter(Boolean);
    table.querySelector("tbody").replaceChildren(...shown.map((lane) => this.makeRow(lane)));
    table.querySelector("[data-turned]").textContent = `${this.listed + 1} to ${end} of ${lanes.length}`;
    const [back, forth] = table.querySelectorAll("[data-turn]");
    back.disabled = this.listed === 0;
    forth.disabled = this.listed + LISTED >= lanes.length;
  }

  makeRow(lane) {
    const [id, statuses, times] = lane;
    const row = document.createElement("tr");
    const link = document.createElement("a");
    [link.href, link.className, link.textContent] = [this.addressOf(lane), "id", printable(id)];
    const { css, name } = this.data.statuses[statuses.at(-1)];
    const [began, since] = [times[0], times.at(-1)].map((at) => makeTime(new Date(this.begin + at)));
    for (const part of [link, makeChip(css, name), began, since]) row.insertCell().append(part);
    return row;
  }

  // Read what the reader has chosen, and keep it in the address.
  rechoose() {
    const address = new URL(location.href);
    for (const [name, value] of [["by", this.element.querySelector("[data-by]").value], ["path", this.element.querySelector("[data-path]").checked ? "yes" : ""]]) {
      if (value) address.searchParams.set(name, value);
      else address.searchParams.delete(name);
    }
    history.replaceState(null, "", address);
    this.load();
  }

  listen() {
    const { canvas, view, element } = this;
    view.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => this.schedule()).observe(view);
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 300), event.offsetX);
      } else if (event.deltaX) {
        this.move(this.from + event.deltaX / this.pixels);
      }
    }, { passive: false });
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.clientX, y: event.clientY, from: this.from, top: view.scrollTop, moved: false };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return this.choose(this.rowAt(event.offsetY));
      const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
      if (Math.abs(x) + Math.abs(y) < 4 && !drag.moved) return;
      drag.moved = true;
      canvas.setPointerCapture(event.pointerId);
      view.scrollTop = drag.top - y;
      this.move(drag.from - x / this.pixels);
    });
    canvas.addEventListener("pointerup", (event) => {
      const moved = drag?.moved;
      drag = null;
      if (moved) return;
      const row = this.rowAt(event.offsetY);
      // A finger reads a lane first, and opens it with a second touch.
      const known = row === this.chosen && event.pointerType !== "mouse";
      this.choose(row);
      if (known || event.pointerType === "mouse") this.open();
    });
    canvas.addEventListener("pointercancel", () => { drag = null; });
    canvas.addEventListener("keydown", (event) => this.press(event));
    for (const button of element.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoom(Number(button.dataset.zoom)));
    }
    for (const choice of element.querySelectorAll("[data-by], [data-path]")) {
      choice.addEventListener("change", () => this.rechoose());
    }
    element.querySelector("[data-lanes-table]")?.addEventListener("toggle", () => this.list(this.listed));
    for (const button of element.querySelectorAll("[data-turn]")) {
      button.addEventListener("click", () => this.list(this.listed + Number(button.dataset.turn) * LISTED));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.readColours();
      this.schedule();
    });
  }

  press(event) {
    const part = (this.width - this.left) / this.pixels / 8;
    const keys = {
      ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1),
      ArrowLeft: () => this.move(this.from - part), ArrowRight: () => this.move(this.from + part),
      "+": () => this.zoom(2), "-": () => this.zoom(0.5), 0: () => this.zoom(0), Enter: () => this.open(),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  }

  step(by) {
    this.choose(Math.max(0, Math.min(this.rows.length - 1, this.chosen + by)));
    const y = this.chosen * ROW;
    if (y < this.view.scrollTop) this.view.scrollTop = y;
    const bottom = this.view.clientHeight - TOP - ROW;
    if (y > this.view.scrollTop + bottom) this.view.scrollTop = y - bottom;
  }
}

function makeChip(css, name) {
  const chip = document.createElement("span");
  chip.className = `chip ${css}`;
  chip.append(document.createElement("i"), printable(name));
  return chip;
}

// Text with escapes for control and bidi characters, as the server writes it.
function printable(text) {
  return text.replace(/(?! )[\p{C}\p{Z}]/gu, (one) => {
    const code = one.codePointAt(0);
    const [mark, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
    return { "\t": "\\t", "\n": "\\n", "\r": "\\r" }[one] ?? `\\${mark}${code.toString(16).padStart(digits, "0")}`;
  });
}

// The end of a long id, because ids differ at their ends.
function shorten(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (context.measureText(`\u2026${text.slice(middle)}`).width <= width) high = middle;
    else low = middle + 1;
  }
  return `\u2026${text.slice(low)}`;
}

export function startLanes(root) {
  for (const element of root.querySelectorAll("[data-lanes]")) {
    element.lanes ??= new Lanes(element);
    element.lanes.load();
  }
}
