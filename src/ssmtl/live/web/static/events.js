// The list of events, newest first; it grows by itself, and further down on request.

import { every, get, now } from "./api.js";
import { STATUS, badge, byId, el, moment, say } from "./words.js";

const PAGE = 24;
const REFRESH_MS = 2000;
const list = byId("event-list");
const filters = byId("filters");

let events = []; // newest first
let nodes = new Map(); // key → what shows it
let known = null; // keys that are no news; null until the first answer
let more = false;
let loading = Promise.resolve();
let begun = 0; // events from before, which another filter brings up for the first time, are no news
let unseen = 0;
let open = () => {};
let told = () => {};
const refresh = every(() => REFRESH_MS, load);

/** `openEvent(event)` is called for a chosen one, `changed(events)` when others or newer versions are known. */
export function startEvents(openEvent, changed) {
  open = openEvent;
  told = changed;
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("change", () => {
    events = [];
    refresh.soon();
  });
  byId("older").addEventListener("click", older);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") unseen = 0;
    showTitle();
  });
}

/** The filter offers these cameras. */
export function offerCameras(names) {
  const select = filters.elements.camera;
  const offered = [...select.options].slice(1).map((option) => option.value);
  if (offered.join("\n") === names.join("\n")) return;
  const value = select.value;
  select.replaceChildren(select.options[0], ...names.map((name) => el("option", { value: name, textContent: name })));
  if (names.includes(value)) select.value = value;
}

/** The event before (-1, newer) or after (+1, older) another in the list. */
export function neighbour(event, step) {
  const at = events.findIndex((other) => other.key === event.key);
  return at < 0 ? undefined : events[at + step];
}

/** Another version of an event. */
export function replaceEvent(event) {
  const { status } = choice();
  events = events
    .map((other) => (other.key === event.key ? event : other))
    .filter((other) => other.key !== event.key || !status || other.status === status);
  show();
}

/** Show the list anew at once. */
export const refreshEvents = () => refresh.soon();

function choice() {
  return { camera: filters.elements.camera.value, kind: filters.elements.kind.value, status: filters.elements.status.value };
}

async function load() {
  const asked = choice();
  const page = await get("events", "/api/events", { ...asked, limit: PAGE });
  if (JSON.stringify(asked) !== JSON.stringify(choice())) return;
  const last = page.at(-1);
  const keys = new Set(page.map((event) => event.key));
  // Of those that were loaded by hand only the ones below this page stay.
  const below = events.filter((event) => !keys.has(event.key) && last && page.length === PAGE && isOlder(event, last));
  if (!below.length) more = page.length === PAGE;
  const before = events;
  events = [...page, ...below];
  announce(page);
  show();
  if (JSON.stringify(before) !== JSON.stringify(events)) told(events);
}

const isOlder = (event, other) =>
  event.start < other.start || (event.start === other.start && event.key < other.key);

async function older() {
  const asked = choice();
  const last = events.at(-1);
  const first = events.length;
  byId("older").disabled = true;
  try {
    const page = await get("older events", "/api/events", { ...asked, before: last?.key, limit: PAGE });
    if (JSON.stringify(asked) !== JSON.stringify(choice())) return;
    more = page.length === PAGE;
    for (const event of page) known?.add(event.key);
    const keys = new Set(events.map((event) => event.key));
    events = [...events, ...page.filter((event) => !keys.has(event.key))];
    show();
    nodes.get(events[first]?.key)?.button.focus();
  } catch (error) {
    // It was deleted meanwhile: the list is out of date.
    if (error.status === 404) refresh.soon();
  } finally {
    byId("older").disabled = false;
  }
}

/** Say what has just happened to those who do not see it. */
function announce(page) {
  const fresh = known === null ? [] : page.filter((event) => !known.has(event.key) && event.start > begun);
  if (known === null) begun = now() - 60;
  known ??= new Set();
  for (const event of page) known.add(event.key);
  if (!fresh.length) return;
  const newest = fresh[0];
  byId("news").textContent = `New event, ${newest.camera}, ${moment(newest.peak)}: ${newest.headline}`;
  if (document.visibilityState === "hidden") unseen += fresh.length;
  showTitle();
}

function showTitle() {
  document.title = unseen ? `(${unseen}) Cameras` : "Cameras";
}

function show() {
  const filtered = Object.values(choice()).some(Boolean);
  const none = filtered ? "No events like that." : "Nothing unusual so far.";
  say(byId("events-note"), events.length ? "" : none);
  const shown = new Map(events.map((event) => [event.key, nodes.get(event.key) ?? make()]));
  for (const [key, node] of nodes) if (!shown.has(key)) node.item.remove();
  nodes = shown;
  events.forEach((event, i) => {
    const node = nodes.get(event.key);
    update(node, event);
    // Only what is in the wrong place is moved: a moved button loses the focus.
    if (list.children[i] !== node.item) list.insertBefore(node.item, list.children[i] ?? null);
  });
  byId("older").hidden = !more || !events.length;
}

function make() {
  const node = {
    picture: el("span", { className: "picture" }),
    title: el("b"),
    facts: el("span", { className: "dim" }),
    last: el("span", { className: "row" }),
    text: "",
  };
  const words = el("span", { className: "words" }, node.title, node.facts, node.last);
  node.button = el("button", { type: "button", className: "event" }, node.picture, words);
  // While a list with another filter is on its way, what is shown is in no list.
  node.button.addEventListener("click", () => open(node.event));
  node.item = el("li", {}, node.button);
  return node;
}

function update(node, event) {
  const text = JSON.stringify([event.headline, event.end, event.score, event.status, event.picture_url]);
  node.event = event;
  if (node.text === text) return;
  node.text = text;
  node.title.textContent = event.headline;
  const going = event.end === null ? ", going on now" : "";
  node.facts.textContent = `${event.camera} · ${moment(event.start)}${going}`;
  const status = el("span", { className: `status ${event.status}`, textContent: STATUS[event.status] });
  node.last.replaceChildren(...(event.kind === "anomaly" ? [badge(event.score)] : []), status);
  if (!event.picture_url) node.picture.replaceChildren("no picture");
  else if (node.picture.firstChild?.getAttribute?.("src") !== event.picture_url) {
    node.picture.replaceChildren(el("img", { src: event.picture_url, alt: "", loading: "lazy" }));
  }
}
