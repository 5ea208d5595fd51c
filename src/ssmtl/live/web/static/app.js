// The page: which cameras there are, which one is shown, and what its parts tell each other.

import { every, forget, get, send } from "./api.js";
import { refreshChart, showChart, showThreshold, startChart } from "./chart.js";
import { openEvent, renewEvent, startEvent } from "./event.js";
import { offerCameras, startEvents } from "./events.js";
import { onResize, showLive, startLive } from "./live.js";
import { badge, byId, el, say, stateOf } from "./words.js";
import { drawZones, showZones, startZones } from "./zones.js";

const REFRESH_MS = 2000;
const SETTINGS_MS = 10000;
let cameras = [];
let selected = decodeURIComponent(location.hash.slice(1)) || null;
let buttons = new Map();
let settingsOf = null;

const settings = every(() => SETTINGS_MS, loadSettings);

startLive();
onResize(drawZones);
startChart(openEvent, settingsChanged);
startZones(settingsChanged);
startEvent(refreshChart);
startEvents(openEvent, (events) => {
  renewEvent(events);
  refreshChart();
});
every(() => REFRESH_MS, loadCameras);
startSession();
byId("health-part").open = matchMedia("(min-width: 64rem)").matches;

async function loadCameras() {
  cameras = await get("cameras", "/api/cameras");
  const names = cameras.map((camera) => camera.camera);
  offerCameras(names);
  if (!names.includes(selected)) select(names[0] ?? null);
  else if (settingsOf === null) settings.soon();
  show();
}

function select(name) {
  selected = name;
  history.replaceState(null, "", name === null ? location.pathname : `#${encodeURIComponent(name)}`);
  forget("settings");
  show();
  settings.soon();
}

function show() {
  const chosen = cameras.find((camera) => camera.camera === selected);
  const well = cameras.filter((camera) => stateOf(camera)[1] === "good").length;
  const some = cameras.length === 1 ? "1 camera" : `${well} of ${cameras.length} cameras`;
  const none = "No camera is watched here yet. Start one with `ssmtl watch`; it appears by itself.";
  say(byId("summary"), cameras.length ? (cameras.length > 1 ? `Watching ${some}` : "") : none);
  showButtons();
  byId("camera").hidden = !chosen;
  if (!chosen) return;
  showLive(chosen);
  showChart(chosen);
}

function showButtons() {
  const before = buttons;
  buttons = new Map(cameras.map((camera) => [camera.camera, before.get(camera.camera) ?? makeButton(camera.camera)]));
  for (const [name, button] of before) if (!buttons.has(name)) button.parentNode.remove();
  for (const camera of cameras) {
    const button = buttons.get(camera.camera);
    if (!button.isConnected) byId("cameras").append(el("li", {}, button));
    const [text, good] = stateOf(camera);
    button.setAttribute("aria-pressed", String(camera.camera === selected));
    const [name, state, score] = button.children;
    name.textContent = camera.camera;
    state.replaceChildren(el("i", { className: `dot ${good}` }), text);
    score.replaceChildren(...(good === "good" ? ["score ", badge(camera.score)] : []));
  }
  byId("cameras").hidden = !cameras.length;
}

function makeButton(name) {
  const button = el("button", { type: "button" }, el("b"), el("span"), el("span", { className: "dim" }));
  button.addEventListener("click", () => select(name));
  return button;
}

async function loadSettings() {
  if (selected === null || !cameras.length) return;
  const asked = selected;
  const answer = await get("settings", `/api/cameras/${encodeURIComponent(asked)}/settings`);
  if (asked === selected) settingsChanged(answer);
}

function settingsChanged(answer) {
  const text = JSON.stringify([selected, answer]);
  if (text === settingsOf) return;
  settingsOf = text;
  showThreshold(answer);
  showZones(selected, answer);
}

async function startSession() {
  const { login } = await get("session", "/api/session").catch(() => ({ login: false }));
  forget("session");
  const button = byId("sign-out");
  button.hidden = !login;
  button.addEventListener("click", async () => {
    await send("POST", "/api/logout", {}).catch(() => {});
    location.assign("/login");
  });
}
