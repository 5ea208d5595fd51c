// One event, opened: its clip, why it was raised, where it went, and what a person says of it.

import { Refused, send } from "./api.js";
import { neighbour, replaceEvent } from "./events.js";
import { STATUS, badge, byId, colour, duration, el, moment, number, say, svg } from "./words.js";

const dialog = byId("event");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const STRIP = 1.155; // a picture with the strip of its score, as high as this many times the camera's
const VERDICTS = {
  new: "Was it something unusual? Confirm it. Is it ordinary here? Dismiss it.",
  confirmed: "Confirmed: it was something unusual.",
  dismissed: "Dismissed: it counts as ordinary in the next calibration, so that the like of it raises fewer events.",
};

let event = null;
let beside = null; // the events next to one that its verdict took out of the filtered list
let changed = () => {};

export function startEvent(statusChanged) {
  changed = statusChanged;
  byId("event-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (click) => outside(click) && dialog.close());
  dialog.addEventListener("close", left);
  byId("confirm").addEventListener("click", () => judge("confirmed"));
  byId("dismiss").addEventListener("click", () => judge("dismissed"));
  byId("undo").addEventListener("click", () => judge("new"));
  byId("newer-event").addEventListener("click", () => go(-1));
  byId("older-event").addEventListener("click", () => go(1));
}

/** Whether a click was beside the dialog; one by the keyboard has no place. */
function outside({ target, clientX, clientY, detail }) {
  const box = dialog.getBoundingClientRect();
  const within = box.left <= clientX && clientX <= box.right && box.top <= clientY && clientY <= box.bottom;
  return target === dialog && detail > 0 && !within;
}

export function openEvent(chosen) {
  const other = event?.key !== chosen.key;
  event = chosen;
  if (other) {
    say(byId("verdict-problem"), "");
    byId("event-media").replaceChildren();
  }
  show();
  if (!dialog.open) dialog.showModal();
  if (other) dialog.scrollTop = 0;
}

/** Newer versions of events; that of the open one is shown. */
export function renewEvent(events) {
  const newer = dialog.open ? events.find((other) => other.key === event.key) : undefined;
  if (newer && JSON.stringify(newer) !== JSON.stringify(event)) openEvent(newer);
}

function left() {
  byId("event-media").replaceChildren(); // a removed clip stops
  event = null;
  if (document.activeElement === document.body) byId("events").focus({ preventScroll: true });
}

/** The event before (-1) or after (+1) the open one. */
function next(step) {
  return neighbour(event, step) ?? (beside?.of === event.key ? beside[step] : undefined);
}

function go(step) {
  const other = next(step);
  if (other) openEvent(other);
}

async function judge(status) {
  const judged = event;
  try {
    const answer = await send("POST", `/api/events/${encodeURIComponent(judged.key)}`, { status });
    say(byId("verdict-problem"), "");
    if (event?.key === judged.key) beside = { of: event.key, "-1": next(-1), 1: next(1) };
    replaceEvent(answer);
    changed();
    if (event?.key === judged.key) {
      event = answer;
      show();
      byId(status === "new" ? "confirm" : "undo").focus();
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(byId("verdict-problem"), `Not saved: ${error.message}`);
  }
}

function show() {
  byId("event-title").textContent = event.headline;
  showFacts();
  showMedia();
  showVerdict();
  showReasons();
  showTrack();
  byId("newer-event").disabled = !next(-1);
  byId("older-event").disabled = !next(1);
}

function showFacts() {
  const facts = [event.camera, moment(event.start)];
  facts.push(event.end === null ? "going on now" : `for ${duration(event.end - event.start)}`);
  const nodes = [facts.join(" · ")];
  if (event.kind === "anomaly") {
    const above = el("span", { className: "dim", textContent: ` (threshold ${number(event.threshold)})` });
    nodes.push(" · score ", badge(event.score), above);
  }
  byId("event-facts").replaceChildren(...nodes);
}

function showMedia() {
  const media = byId("event-media");
  // Its room is kept from the start: what is below must not move under a finger when it comes.
  const [width, height] = event.size;
  media.style.setProperty("--ratio", width && height ? width / (STRIP * height) : "auto");
  const address = event.clip_url ?? event.picture_url ?? "";
  if (media.dataset.address === address && media.firstChild) return;
  media.dataset.address = address;
  if (event.clip_url) media.replaceChildren(...clip());
  else if (event.picture_url) {
    const waiting = event.end === null ? "The clip comes when the event is over." : "There is no clip of this event.";
    const alt = `Picture of the event: ${event.headline}`;
    media.replaceChildren(el("img", { src: event.picture_url, alt }), el("p", { className: "dim", textContent: waiting }));
  } else {
    const text = `There is no picture or clip here: not made, deleted to keep room, or kept on the machine ${event.machine}.`;
    media.replaceChildren(el("p", { className: "dim", textContent: text }));
  }
}

function clip() {
  const video = el("video", { controls: true, muted: true, loop: true, playsInline: true, preload: "metadata" });
  video.setAttribute("aria-label", `Clip of the event: ${event.headline}`);
  if (event.picture_url) video.poster = event.picture_url;
  const note = el("p", { className: "dim" }, el("a", { href: event.clip_url, download: "", textContent: "Download the clip" }));
  video.addEventListener("error", () => note.prepend("This browser cannot play the clip. "));
  video.src = event.clip_url;
  if (!calm.matches) video.play().catch(() => {});
  return [video, note];
}

function showVerdict() {
  byId("confirm").hidden = event.status === "confirmed";
  byId("dismiss").hidden = event.status === "dismissed";
  byId("undo").hidden = event.status === "new";
  const node = byId("verdict");
  if (node.textContent !== VERDICTS[event.status]) node.textContent = VERDICTS[event.status] ?? STATUS[event.status];
}

function showReasons() {
  const reasons = event.reasons;
  byId("event-why").hidden = !reasons.length;
  const most = Math.max(2, ...reasons.map(([, score]) => score));
  byId("reasons").replaceChildren(
    ...reasons.map(([words, score]) => {
      const inner = el("i");
      inner.style.width = `${(100 * Math.max(0, score)) / most}%`;
      inner.style.background = colour(score);
      const bar = el("span", { className: "bar" }, inner);
      bar.style.setProperty("--level", `${100 / most}%`);
      return el("li", {}, el("span", { textContent: words }), el("b", { textContent: number(score) }), bar);
    }),
  );
}

/** The way of the object's feet over the picture, from a ring to an arrow's head, coloured by its score. */
function showTrack() {
  const [width, height] = event.size;
  const points = event.track.map(([, box]) => [(box[0] + box[2]) / 2, Math.min(box[3], height)]);
  byId("event-where").hidden = !width || !event.box;
  if (!width || !event.box) return;
  const figure = byId("track");
  figure.style.aspectRatio = `${width} / ${height}`;
  const image = figure.querySelector("img");
  image.hidden = !event.picture_url;
  if (event.picture_url && image.getAttribute("src") !== event.picture_url) image.src = event.picture_url;
  const unit = width / 320;
  const lines = points.slice(1).map((point, i) => line(points[i], point, event.track[i + 1][2], unit));
  const drawing = figure.querySelector("svg");
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  drawing.setAttribute("aria-label", "Way of the object through the picture");
  const [left, top, right, bottom] = event.box;
  const box = { x: left, y: top, width: right - left, height: bottom - top, class: "best", "stroke-width": 2 * unit };
  drawing.replaceChildren(...lines.map(([under]) => under), ...lines.map(([, over]) => over), ...ends(points, unit), svg("rect", box));
  const seen = points.length > 1 ? event.track.at(-1)[0] - event.track[0][0] : 0;
  const way = "The line is the way of its feet, from the ring to the dot; the frame is where it was most unusual.";
  byId("track-note").textContent = seen > 0 ? `Seen for ${duration(seen)}. ${way}` : "The frame is where it was.";
}

function line([x1, y1], [x2, y2], score, unit) {
  const under = svg("line", { x1, y1, x2, y2, class: "under", "stroke-width": 4.5 * unit });
  const over = svg("line", { x1, y1, x2, y2, "stroke-width": 2.5 * unit });
  over.style.stroke = colour(score);
  return [under, over];
}

function ends(points, unit) {
  if (points.length < 2) return [];
  const [first, last] = [points[0], points.at(-1)];
  return [
    svg("circle", { cx: first[0], cy: first[1], r: 4 * unit, class: "ring", "stroke-width": 2 * unit }),
    svg("circle", { cx: last[0], cy: last[1], r: 4.5 * unit, class: "head", "stroke-width": unit }),
  ];
}
