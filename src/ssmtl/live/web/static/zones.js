// Zones on the live picture: shown, drawn with mouse or keyboard, named, saved, deleted.

import { Refused, send } from "./api.js";
import { byId, el, say, svg } from "./words.js";

const NEAR_PX = 12;
const over = byId("over");
const drawing = over.querySelector("svg");
const form = byId("zone-form");
const KINDS = { ignore: "ignored", watch: "watched" };

let camera = null;
let zones = []; // those that count
let configured = true; // they are the configuration's
let corners = [];
let cross = [0.5, 0.5];
let mode = "idle"; // "drawing": corners are set; "naming": the outline is finished
let changed = () => {};

export function startZones(settingsChanged) {
  changed = settingsChanged;
  byId("zone-draw").addEventListener("click", begin);
  byId("zone-close").addEventListener("click", close);
  byId("zone-back").addEventListener("click", back);
  byId("zone-cancel").addEventListener("click", stop);
  byId("zone-discard").addEventListener("click", stop);
  byId("zones-reset").addEventListener("click", () => save(null, "The configuration's zones are back."));
  form.addEventListener("submit", finish);
  over.addEventListener("pointermove", (event) => aim(pointOf(event)));
  over.addEventListener("click", (event) => mode === "drawing" && set(pointOf(event)));
  over.addEventListener("keydown", press);
}

export function showZones(name, settings) {
  if (camera !== name) {
    camera = name;
    stop(false);
    say(byId("zone-problem"), "");
    byId("zone-said").textContent = "";
  }
  configured = settings.zones === null;
  zones = settings.zones ?? settings.configured_zones;
  byId("zones-reset").hidden = configured;
  list();
  drawZones();
}

// --- drawing an outline

function begin() {
  mode = "drawing";
  corners = [];
  cross = [0.5, 0.5];
  over.tabIndex = 0;
  over.setAttribute("role", "application");
  over.setAttribute("aria-label", "Picture to draw a zone on");
  over.setAttribute("aria-describedby", "zone-help");
  over.classList.add("drawing");
  byId("zone-drawing").hidden = false;
  byId("zone-draw").disabled = true;
  form.hidden = true;
  over.focus({ preventScroll: true });
  byId("view").scrollIntoView({ block: "nearest" });
  tell("Drawing. The cross-hair is in the middle of the picture.");
  update();
}

function stop(refocus = true) {
  const was = mode;
  mode = "idle";
  corners = [];
  for (const name of ["tabindex", "role", "aria-label", "aria-describedby"]) over.removeAttribute(name);
  over.classList.remove("drawing");
  byId("zone-drawing").hidden = true;
  byId("zone-draw").disabled = false;
  form.hidden = true;
  form.reset();
  if (was !== "idle" && refocus) byId("zone-draw").focus({ preventScroll: true });
  update();
}

function pointOf(event) {
  const box = over.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map(within);
}

const within = (share) => Math.round(1e4 * Math.min(1, Math.max(0, share))) / 1e4;

function aim(point) {
  if (mode !== "drawing") return;
  cross = point;
  drawZones();
}

/** Set a corner; on the first one it finishes the outline. */
function set(point) {
  cross = point;
  const [width, height] = [over.clientWidth, over.clientHeight];
  const distance = ([x, y]) => Math.hypot((x - point[0]) * width, (y - point[1]) * height);
  if (corners.length >= 3 && distance(corners[0]) <= NEAR_PX) {
    close();
    return;
  }
  if (corners.length && distance(corners.at(-1)) < 2) return; // a double click
  corners.push(point);
  tell(`Corner ${corners.length} at ${place(point)}.`);
  update();
}

function back() {
  corners.pop();
  tell(`${corners.length} corners are left.`);
  update();
}

function close() {
  if (corners.length < 3) {
    tell("A zone needs at least three corners.");
    return;
  }
  mode = "naming";
  over.classList.remove("drawing");
  byId("zone-drawing").hidden = true;
  form.hidden = false;
  form.querySelector("input").focus();
  tell("The outline is finished. Say what the zone is for.");
  update();
}

function press(event) {
  if (mode !== "drawing") return;
  const step = event.shiftKey ? 0.005 : 0.03;
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key in moves) {
    const [right, down] = moves[event.key];
    aim([within(cross[0] + step * right), within(cross[1] + step * down)]);
    tell(`Cross-hair at ${place(cross)}.`);
  } else if (event.key === "Enter" || event.key === " ") set(cross);
  else if (event.key === "Backspace") back();
  else if (event.key === "Escape") stop();
  else return;
  event.preventDefault();
}

const place = ([x, y]) => `${Math.round(100 * x)} % from the left, ${Math.round(100 * y)} % from the top`;

function tell(text) {
  byId("zone-said").textContent = text;
}

function update() {
  byId("zone-close").disabled = corners.length < 3;
  byId("zone-back").disabled = !corners.length;
  drawZones();
}

// --- keeping

function finish(event) {
  event.preventDefault();
  const zone = { name: byId("zone-name").value.trim(), kind: form.elements.kind.value, points: corners };
  save([...zones, zone], "Saved. The watch takes it up within seconds.").then((saved) => saved && stop());
}

function remove(i) {
  const name = titleOf(zones[i], i);
  const left = zones.filter((_, other) => other !== i);
  save(left, `Deleted: ${name}.`).then((saved) => saved && byId("zone-draw").focus());
}

async function save(wanted, text) {
  const asked = camera;
  try {
    const path = `/api/cameras/${encodeURIComponent(asked)}/settings`;
    const settings = await send("PUT", path, { zones: wanted });
    if (camera !== asked) return false;
    say(byId("zone-problem"), "");
    tell(text);
    changed(settings);
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (camera === asked) say(byId("zone-problem"), `Not saved: ${error.message}`);
    return false;
  }
}

const titleOf = (zone, i) => zone.name || `Zone ${i + 1}`;

function list() {
  const note = !zones.length
    ? "No zones: the whole picture counts."
    : configured
      ? "These are the configuration's; what you change here counts in their place."
      : "";
  const feet = "Something is in a zone where its feet are: the middle of its lower edge.";
  byId("zones-count").textContent = zones.length ? ` (${zones.length})` : "";
  byId("zones-note").textContent = [note, feet].filter(Boolean).join(" ");
  byId("zones").replaceChildren(
    ...zones.map((zone, i) => {
      const title = titleOf(zone, i);
      const button = el("button", { type: "button", textContent: "Delete", "aria-label": `Delete ${title}` });
      button.addEventListener("click", () => remove(i));
      const words = el("span", {}, el("i", { className: `swatch ${zone.kind}` }), title);
      return el("li", {}, words, el("span", { className: "dim", textContent: KINDS[zone.kind] ?? zone.kind }), button);
    }),
  );
}

/** All zones, and the one that is being drawn, over the camera's part of the picture. */
export function drawZones() {
  const [width, height] = [over.clientWidth, over.clientHeight];
  if (!width || !height) return;
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const text = (points) => points.map(([x, y]) => `${(x * width).toFixed(1)},${(y * height).toFixed(1)}`).join(" ");
  const nodes = zones.flatMap((zone, i) => [
    svg("polygon", { class: `zone ${zone.kind}`, points: text(zone.points) }),
    label(titleOf(zone, i), zone.points, width, height),
  ]);
  if (mode === "naming") nodes.push(svg("polygon", { class: "zone draft", points: text(corners) }));
  if (mode === "drawing") nodes.push(...draft(text, width, height));
  drawing.replaceChildren(...nodes);
}

function label(name, points, width, height) {
  const middle = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
  return svg("text", { x: middle[0] * width, y: middle[1] * height }, name);
}

function draft(text, width, height) {
  const [x, y] = [cross[0] * width, cross[1] * height];
  const dots = corners.map(([cx, cy]) => svg("circle", { class: "corner", cx: cx * width, cy: cy * height, r: 5 }));
  const lines = `M${x - 14} ${y}H${x - 3}M${x + 3} ${y}H${x + 14}M${x} ${y - 14}V${y - 3}M${x} ${y + 3}V${y + 14}`;
  return [
    svg("polygon", { class: "zone draft", points: text([...corners, cross]) }),
    ...dots,
    svg("path", { class: "cross under", d: lines }),
    svg("path", { class: "cross", d: lines }),
  ];
}
