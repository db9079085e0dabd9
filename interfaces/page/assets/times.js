// Times in the viewer's zone; the title keeps UTC.

function two(number) {
  return String(number).padStart(2, "0");
}

export function formatLocal(at) {
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

// A time of the address in the viewer's zone, with its offset and to the same digit.
export function formatExact(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const ahead = -at.getTimezoneOffset();
  const zone = `${ahead < 0 ? "-" : "+"}${two(Math.floor(Math.abs(ahead) / 60))}:${two(Math.abs(ahead) % 60)}`;
  return `${formatLocal(at).replace(" ", "T")}${/\.\d+/.exec(text) ?? ""}${zone}`;
}

export function makeTime(at) {
  const time = document.createElement("time");
  time.dateTime = at.toISOString();
  time.title = `${time.dateTime.slice(0, 19).replace("T", " ")} UTC`;
  time.textContent = formatLocal(at);
  return time;
}

export function localizeTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = formatLocal(at);
  }
}

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60000, 3600000, 86400000];
const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500,
  ...[SECOND, MINUTE].flatMap((unit) => [1, 2, 5, 10, 15, 30].map((n) => n * unit)),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR), ...[1, 2, 7, 30, 365, 3650].map((n) => n * DAY),
];

// At most `most` round times of the viewer's zone between two times, and the step between them.
export function roundTimes(begin, end, most) {
  const least = (end - begin) / most;
  const step = STEPS.find((one) => one >= least) ?? least;
  const times = [];
  for (let local = Math.ceil((begin - offset(begin)) / step) * step; ; local += step) {
    const at = local + offset(local + offset(begin));
    if (at > end) return { step, times };
    if (at >= begin) times.push(at);
  }
}

function offset(at) {
  return new Date(at).getTimezoneOffset() * MINUTE;
}

export function formatMark(at, step) {
  const text = formatLocal(new Date(at));
  if (step < SECOND) return `${text.slice(11)}.${String(Math.floor(at) % 1000).padStart(3, "0")}`;
  if (step < DAY) return text.slice(11, step < MINUTE ? 19 : 16);
  return text.slice(step < 30 * DAY ? 5 : 0, 10);
}
