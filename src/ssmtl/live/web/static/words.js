// How things are said, and how elements are made: text is always text, never markup.

/** An element with properties, or attributes where a name has a dash or is "role"; children are nodes or texts. */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for drawings; all properties are attributes. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Set the text and show the element, or hide it where there is none. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });

/** A Unix time as people say it: the day only where it is not today. */
export function moment(time) {
  const date = new Date(1000 * time);
  const today = date.toDateString() === new Date().toDateString();
  return today ? TIME.format(date) : `${DAY.format(date)}, ${TIME.format(date)}`;
}

export const shortTime = (time) => SHORT.format(new Date(1000 * time));

export function duration(seconds) {
  if (seconds < 1) return "less than 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} hours`;
  return `${Math.round(seconds / 86400)} days`;
}

export const number = (value) => (Number.isFinite(value) ? value.toFixed(2) : "–");
export const count = (n, one, many) => `${n.toLocaleString()} ${n === 1 ? one : many}`;

/** The colour of a score: blue, yellow at 1, red at 2 and above. */
export function colour(score) {
  const share = Math.round(100 * (score > 0 ? Math.min(score, 2) % 1 : 0));
  if (score >= 2) return "var(--high)";
  return score >= 1
    ? `color-mix(in lab, var(--high) ${share}%, var(--middle))`
    : `color-mix(in lab, var(--middle) ${share}%, var(--low))`;
}

/** A score with its colour beside it. */
export function badge(score) {
  const dot = el("i");
  dot.style.background = colour(score);
  return el("span", { className: "badge" }, dot, number(score));
}

export const STATUS = { new: "not reviewed", confirmed: "confirmed", dismissed: "dismissed" };

const STATES = {
  connecting: ["Connecting", "wait"],
  online: ["Watching", "good"],
  holding: ["Paused", "wait"],
  offline: ["No picture", "bad"],
  ended: ["Ended", "off"],
  failed: ["Stopped by an error", "bad"],
};

/** The state of a camera in words, and how good that is. */
export function stateOf(camera) {
  // What has ended is not written any more, and that is no news.
  if (camera.stale && camera.state !== "ended" && camera.state !== "failed") return ["Not running", "bad"];
  return STATES[camera.state] ?? [camera.state, "off"];
}
