// The axis of time under a chart: marks at round times in the viewer's zone, as many as fit.
import { formatMark, roundTimes } from "./times.js";

const ROOM = 90; // the room for a mark, in pixels
const EDGE = 30; // half the width of a mark's text, in pixels
const HEIGHT = 240; // the height of the chart

export function startAxes(root) {
  for (const axis of root.querySelectorAll("svg.axis[data-begin]")) draw(axis);
}

function draw(axis) {
  const [begin, end] = [Date.parse(axis.dataset.begin), Date.parse(axis.dataset.end)];
  const marks = roundTimes(begin, end, Math.max(2, Math.floor(axis.clientWidth / ROOM)));
  axis.replaceChildren();
  for (const at of marks.times) {
    const share = (100 * (at - begin)) / (end - begin);
    add(axis, "line", { x1: `${share}%`, x2: `${share}%`, y2: HEIGHT });
    const place = share * axis.clientWidth < EDGE * 100 ? "first" : (100 - share) * axis.clientWidth < EDGE * 100 ? "last" : "";
    add(axis, "text", { x: `${share}%`, y: HEIGHT + 16, class: place }).textContent = formatMark(at, marks.step);
  }
}

function add(axis, name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return axis.appendChild(made);
}
