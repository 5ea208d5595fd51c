// The newest picture of the chosen camera, several times per second while someone can see it.

import { byId, duration, el, number, say, stateOf } from "./words.js";
import { now } from "./api.js";

const FAST_MS = 250;
const SLOW_MS = 2000;
const view = byId("view");
let camera = null;
let onScreen = true;
let resized = () => {};
let turn = 0;
let timer = 0;

/** Show this camera from now on. */
export function showLive(health) {
  const other = camera?.camera !== health.camera;
  camera = health;
  byId("camera-name").textContent = health.camera;
  showState();
  showHealth();
  if (other) {
    view.classList.add("empty");
    picture().removeAttribute("src");
    picture().alt = `Live picture of ${health.camera}`;
    say(byId("live-note"), "");
    next();
  }
}

/** Call this when the part of the view that is the camera's picture has another size. */
export function onResize(callback) {
  resized = callback;
}

const picture = () => view.querySelector("img");

function showState() {
  const [text, good] = stateOf(camera);
  const since = camera.stale ? camera.updated : camera.since;
  const words = [text, `for ${duration(Math.max(0, now() - since))}`];
  if (camera.message) words.push(`– ${camera.message}`);
  const node = byId("camera-state");
  if (node.textContent !== words.join(" ")) {
    node.replaceChildren(el("i", { className: `dot ${good}` }), words.join(" "));
  }
}

function showHealth() {
  const c = camera;
  const figures = [
    ["Score now", number(c.score)],
    ["Pictures per second", `${c.rate_in.toFixed(1)} in, ${c.rate_out.toFixed(1)} looked at`],
    ["Delay", `${c.delay_s.toFixed(1)} s`],
    ["Unusual events", c.alarms.toLocaleString()],
    ["Objects looked at", c.objects.toLocaleString()],
    ["Pictures looked at", c.frames_out.toLocaleString()],
    ["Left out to keep up", c.dropped.toLocaleString()],
    ["Damaged pictures", c.undecodable.toLocaleString()],
    ["Connection lost", c.reconnects === 1 ? "once" : `${c.reconnects.toLocaleString()} times`],
    ["Picture size", c.size[0] ? `${c.size[0]} × ${c.size[1]}` : "–"],
    ["Clips and pictures", c.recording ? "are kept" : "paused: the disk is full"],
    ["Address", c.source],
  ];
  const list = byId("health");
  if (!list.children.length) {
    list.append(...figures.map(([name]) => el("div", {}, el("dt", { textContent: name }), el("dd"))));
  }
  figures.forEach(([, value], i) => {
    const node = list.children[i].lastChild;
    if (node.textContent !== value) node.textContent = value;
  });
}

/** The camera's picture is the upper part of what is shown; a strip with the score may be below. */
function place(image) {
  const [width, height] = camera.size;
  const share = width ? Math.min(1, ((height / width) * image.naturalWidth) / image.naturalHeight) : 1;
  byId("over").style.height = `${100 * share}%`;
}

async function next() {
  const mine = ++turn; // another camera begins anew, and what was under way is left
  clearTimeout(timer);
  const begun = performance.now();
  const running = camera && !camera.stale && camera.state !== "ended" && camera.state !== "failed";
  if (camera && onScreen && document.visibilityState === "visible") {
    const image = new Image();
    image.alt = picture().alt;
    image.src = `/api/cameras/${encodeURIComponent(camera.camera)}/picture?t=${Date.now()}`;
    const loaded = await image.decode().then(() => true, () => false);
    if (mine !== turn) return;
    if (loaded) {
      place(image);
      picture().replaceWith(image);
      view.classList.remove("empty");
    }
    const old = running ? "" : "This is the last picture; no new ones come.";
    const none = view.classList.contains("empty") ? "There is no picture of this camera yet." : "No new picture comes.";
    say(byId("live-note"), loaded ? old : none);
  }
  const wait = running && onScreen ? FAST_MS : SLOW_MS;
  timer = setTimeout(next, Math.max(50, begun + wait - performance.now()));
}

export function startLive() {
  new IntersectionObserver(([entry]) => {
    const came = entry.isIntersecting && !onScreen;
    onScreen = entry.isIntersecting;
    if (came) next();
  }).observe(view);
  document.addEventListener("visibilitychange", next);
  new ResizeObserver(() => resized()).observe(byId("over"));
  next();
}
