// The score of the chosen camera over time, its events, and the threshold that can be tried out and saved.

import { Refused, every, forget, get, now, send } from "./api.js";
import { byId, count, el, moment, number, say, shortTime, svg } from "./words.js";

const LEAST = 0.05;
const STEP = 0.05;
const REFRESH_MS = { 600: 2000, 3600: 5000, 21600: 15000, 86400: 30000 };
const TICK_S = { 600: 120, 3600: 600, 21600: 3600, 86400: 14400 };
const TIME_WORDS = { 600: "10 minutes", 3600: "hour", 21600: "6 hours", 86400: "24 hours" };

const plot = byId("plot");
const drawing = plot.querySelector("svg");
const slider = byId("threshold");
const input = byId("threshold-number");

let camera = null;
let range = 3600;
let data = { points: [], events: [], threshold: 1, since: 0, until: 3600, raised: 0 };
let ready = false; // whether the data are of the chosen camera
let tried = null; // the threshold that is tried out, and the events it would have raised
let would = null;
let dragging = false;
let chosen = null; // the threshold that was saved for the camera, null = the model's
let machine = null;
let source = ""; // who says the threshold that the watch has, and what is wrong with it
let open = () => {};
let changed = () => {};
let asking = new AbortController();
let timer = 0;
let marks = new Map(); // key of an event → its button

const path = (what) => `/api/cameras/${encodeURIComponent(camera)}/${what}`;
const value = () => tried ?? data.threshold;
const refresh = every(() => REFRESH_MS[range], load);

/** `openEvent(event)` is called for a mark, `settingsChanged(settings)` after saving. */
export function startChart(openEvent, settingsChanged) {
  open = openEvent;
  changed = settingsChanged;
  new ResizeObserver(() => draw()).observe(plot);
  document.addEventListener("visibilitychange", refresh.soon);
  byId("range").addEventListener("change", (event) => {
    range = Number(event.target.value);
    refresh.soon();
  });
  slider.addEventListener("pointerdown", grab);
  slider.addEventListener("keydown", press);
  input.addEventListener("input", () => {
    // What is no threshold (yet) tries nothing out.
    attempt(input.valueAsNumber >= LEAST ? input.valueAsNumber : data.threshold);
  });
  input.addEventListener("blur", () => draw());
  byId("threshold-save").addEventListener("click", () => save(value()));
  byId("threshold-model").addEventListener("click", () => save(null));
}

/** Show the camera of this health from now on. */
export function showChart(health) {
  source = health.threshold_from || "the model's";
  machine = health.machine;
  if (camera === health.camera) return;
  camera = health.camera;
  forget("score");
  tried = would = null;
  // Nothing of the camera before may be taken for this one's, or saved for it.
  ready = false;
  clearTimeout(timer);
  asking.abort();
  data = { ...data, points: [], events: [] };
  say(byId("threshold-problem"), "");
  byId("preview").textContent = "";
  draw();
  refresh.soon();
}

/** What was saved for the camera. */
export function showThreshold(settings) {
  chosen = settings.threshold;
  byId("threshold-model").hidden = chosen === null;
}

/** There are other events than before. */
export const refreshChart = () => refresh.soon();

async function load() {
  if (camera === null || dragging || document.visibilityState === "hidden") return;
  const [asked, askedRange] = [camera, range];
  const until = Math.ceil(now());
  const window = { since: until - range, until };
  const [scores, events] = await Promise.all([
    get("score", path("scores"), window),
    get("score", "/api/events", { camera, machine, limit: 500, ...window }),
  ]);
  const preview = await get("score", path("preview"), { ...window, threshold: scores.threshold });
  if (camera !== asked || range !== askedRange || dragging) return;
  data = { ...window, ...scores, events, raised: preview.events.length };
  ready = true;
  if (tried !== null) ask();
  draw();
}

// --- trying out a threshold

function grab(event) {
  dragging = true;
  slider.setPointerCapture(event.pointerId);
  slider.focus({ preventScroll: true });
  const offset = event.clientY - slider.getBoundingClientRect().top - slider.offsetHeight / 2;
  const scale = top();
  const move = (moved) => {
    const box = plot.getBoundingClientRect();
    const share = 1 - (moved.clientY - offset - box.top) / box.height;
    attempt(Math.min(scale, Math.max(LEAST, share * scale)), scale);
  };
  const drop = () => {
    dragging = false;
    slider.removeEventListener("pointermove", move);
    draw();
  };
  slider.addEventListener("pointermove", move);
  slider.addEventListener("lostpointercapture", drop, { once: true });
  event.preventDefault();
}

function press(event) {
  const moves = { ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP, PageUp: 0.5, PageDown: -0.5 };
  if (event.key in moves) attempt(Math.max(LEAST, value() + moves[event.key]));
  else if (event.key === "Home") attempt(LEAST);
  else if (event.key === "End") attempt(top());
  else if (event.key === "Escape") attempt(data.threshold);
  else return;
  event.preventDefault();
}

function attempt(threshold, scale = undefined) {
  if (!ready) return;
  const rounded = Math.round(100 * threshold) / 100;
  tried = Math.abs(rounded - data.threshold) < 0.005 ? null : rounded;
  would = null;
  say(byId("threshold-problem"), "");
  clearTimeout(timer);
  asking.abort();
  if (tried !== null) timer = setTimeout(ask, 150);
  draw(scale);
}

function ask() {
  asking.abort();
  asking = new AbortController();
  const { since, until } = data;
  const threshold = tried;
  get("preview", path("preview"), { since, until, threshold }, asking.signal).then(
    (answer) => {
      if (threshold !== tried) return;
      would = answer.events;
      draw();
    },
    (error) => {
      if (!(error instanceof Refused) && error.name !== "AbortError") throw error;
    },
  );
}

async function save(threshold) {
  if (!ready) return;
  const asked = camera;
  try {
    const settings = await send("PUT", path("settings"), { threshold });
    if (camera !== asked) return;
    say(byId("threshold-problem"), "");
    // A question that waits about what was tried has nothing to ask any more.
    clearTimeout(timer);
    asking.abort();
    if (threshold !== null) data.threshold = threshold;
    tried = would = null;
    showThreshold(settings);
    changed(settings);
    draw();
    const text = threshold === null ? "The model's threshold is back." : `Saved: ${number(threshold)}.`;
    byId("preview").textContent = `${text} The watch takes it up within seconds.`;
    if (threshold === null) byId("threshold-save").focus();
    refresh.soon();
  } catch (error) {
    if (camera === asked) say(byId("threshold-problem"), `Not saved: ${error.message}`);
  }
}

// --- drawing

function top() {
  const highest = data.points.reduce((most, [, score]) => Math.max(most, score), 0);
  return Math.max(2, 1.1 * highest, 1.1 * data.threshold, dragging ? 0 : 1.1 * value());
}

let scaleThen = 2;

function draw(scale = dragging ? scaleThen : top()) {
  scaleThen = scale;
  const { width, height } = plot.getBoundingClientRect();
  if (!width || camera === null) return;
  const seconds = data.until - data.since;
  const x = (time) => ((time - data.since) / seconds) * width;
  const y = (score) => height * (1 - score / scale);
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  drawing.replaceChildren(
    gradient(y),
    ...data.events.map((event) => band("band", event.start, event.end ?? data.until, x, width, 0, height)),
    svg("path", { d: area(x, y, seconds), fill: "url(#score-scale)" }),
    ...(would ?? []).map(([start, end]) => band("would", start, end, x, width, height - 10, 10)),
  );
  drawScale(scale, y);
  drawThreshold(y);
  drawMarks(x, width);
  drawTicks(x, width);
  const empty = !data.points.length && !data.events.length;
  say(byId("plot-note"), ready && empty ? "No scores of this time." : "");
}

function gradient(y) {
  const stops = [["low", 0], ["middle", 0.5], ["high", 1]];
  const attributes = { id: "score-scale", gradientUnits: "userSpaceOnUse", x1: 0, x2: 0, y1: y(0), y2: y(2) };
  const nodes = stops.map(([name, offset]) => svg("stop", { class: name, offset }));
  return svg("linearGradient", attributes, ...nodes);
}

function band(kind, start, end, x, width, top, height) {
  const left = Math.max(0, x(start));
  const right = Math.min(width, Math.max(x(end), left + 3));
  return svg("rect", { class: kind, x: left, y: top, width: Math.max(0, right - left), height });
}

/** The curve, filled down to 0; nothing where no score was made for a while. */
function area(x, y, seconds) {
  const gap = Math.max(5, (4 * seconds) / 2000);
  const parts = [];
  let run = [];
  const close = () => {
    if (!run.length) return;
    const last = run.at(-1)[0] + 1;
    const line = run.map(([time, score]) => `L${x(time).toFixed(1)} ${y(score).toFixed(1)}`).join("");
    const end = `L${x(last).toFixed(1)} ${y(run.at(-1)[1]).toFixed(1)}L${x(last).toFixed(1)} ${y(0)}Z`;
    parts.push(`M${x(run[0][0]).toFixed(1)} ${y(0)}${line}${end}`);
  };
  for (const point of data.points) {
    if (run.length && point[0] - run.at(-1)[0] > gap) {
      close();
      run = [];
    }
    run.push(point);
  }
  close();
  return parts.join("");
}

function drawScale(scale, y) {
  for (const node of plot.querySelectorAll(".y")) node.remove();
  const step = [0.5, 1, 2, 5, 10, 20, 50, 100].find((candidate) => scale / candidate <= 4.5) ?? scale / 2;
  for (let score = step; score < 0.97 * scale; score += step) {
    const label = el("span", { className: "y", textContent: score.toFixed(step < 1 ? 1 : 0) });
    label.style.top = `${y(score)}px`;
    plot.append(label);
  }
}

function drawThreshold(y) {
  const threshold = value();
  slider.style.top = `${y(threshold)}px`;
  slider.classList.toggle("tried", tried !== null);
  slider.firstChild.textContent = number(threshold);
  slider.setAttribute("aria-valuemin", LEAST);
  slider.setAttribute("aria-valuemax", number(Math.max(top(), threshold)));
  slider.setAttribute("aria-valuenow", number(threshold));
  slider.style.visibility = ready ? "" : "hidden";
  // What is being typed stays as it is.
  if (document.activeElement !== input) input.value = ready ? number(threshold) : "";
  byId("threshold-save").disabled = tried === null;
  const during = `in the last ${TIME_WORDS[data.until - data.since]}`;
  // The watch takes up what was saved within seconds; until then its words are of the one before.
  const taken = chosen === null || source.startsWith("set in the page");
  const current = `${number(data.threshold)} (${taken ? source : "set here"})`;
  let text = `The threshold is ${current}: ${count(data.raised, "event", "events")} ${during}.`;
  if (tried !== null) {
    const raised = would === null ? "…" : count(would.length, "event", "events");
    text = `At ${number(tried)} it would have raised ${raised} ${during}; at ${current} ${data.raised}.`;
  }
  slider.setAttribute("aria-valuetext", number(threshold));
  if (ready && (would !== null || tried === null)) byId("preview").textContent = text;
}

/** Buttons for the mouse; with the keyboard events are opened from their list. One stays: it may just be pressed. */
function drawMarks(x, width) {
  const before = marks;
  marks = new Map(data.events.map((event) => [event.key, before.get(event.key) ?? makeMark(event.key)]));
  for (const [key, button] of before) if (!marks.has(key)) button.remove();
  data.events.toReversed().forEach((event, i) => {
    const button = marks.get(event.key);
    button.className = `mark ${event.status}`;
    button.setAttribute("aria-label", `Event at ${moment(event.peak)}: ${event.headline}`);
    button.title = `${moment(event.peak)}: ${event.headline}`;
    button.style.left = `${Math.min(width - 6, Math.max(6, x(event.peak)))}px`;
    const shown = byId("marks").children;
    if (shown[i] !== button) byId("marks").insertBefore(button, shown[i] ?? null);
  });
}

function makeMark(key) {
  const button = el("button", { type: "button", tabIndex: -1 });
  button.addEventListener("click", () => {
    const event = data.events.find((other) => other.key === key);
    if (event) open(event);
  });
  return button;
}

function drawTicks(x, width) {
  const step = TICK_S[range] * (width < 480 ? 2 : 1);
  const ticks = [];
  const zone = -60 * new Date(1000 * data.until).getTimezoneOffset();
  for (let time = Math.ceil((data.since + zone) / step) * step - zone; time <= data.until; time += step) {
    const at = x(time);
    if (at < 24 || at > width - 24) continue;
    const tick = el("span", { textContent: shortTime(time) });
    tick.style.left = `${at}px`;
    ticks.push(tick);
  }
  byId("ticks").replaceChildren(...ticks);
}
