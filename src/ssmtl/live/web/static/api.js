// Asks the server, and says when it does not answer.

import { byId, moment, say } from "./words.js";

/** What the server answered instead, in words for people. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const TIMEOUT_MS = 15000;
const RETRY_MS = 3000;
const NO_ANSWER = "The server does not answer. Is the watch still running? Trying again…";
const troubles = new Map();
let lastAnswer = null;
let ahead = 0;

/** The server's time; this device's clock may be wrong. */
export const now = () => Date.now() / 1000 + ahead;

/** Ask for `path`; `what` names it, so that its trouble goes away when it works again. */
export async function get(what, path, parameters = {}, signal = undefined) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  const query = new URLSearchParams(given);
  try {
    const answer = await ask(given.length ? `${path}?${query}` : path, {}, signal);
    troubles.delete(what);
    return answer;
  } catch (error) {
    if (error.name !== "AbortError") troubles.set(what, error.message);
    throw error;
  } finally {
    show();
  }
}

/** Forget the trouble with `what`: it is not asked for any more. */
export function forget(what) {
  troubles.delete(what);
  show();
}

/** Change something; the error's message is for people. */
export function send(method, path, body) {
  return ask(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
}

async function ask(path, options, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  try {
    response = await fetch(path, { ...options, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, NO_ANSWER);
  }
  if (response.status === 401) location.assign("/login");
  const answer = await response.json().catch(() => null);
  if (signal?.aborted) throw new DOMException("too late", "AbortError");
  if (!response.ok || answer === null) {
    throw new Refused(response.status, answer?.detail ?? `The server failed (${response.status}).`);
  }
  lastAnswer = Date.now() / 1000;
  const date = Date.parse(response.headers.get("Date"));
  // The header has whole seconds, and a short way is no wrong clock.
  if (Number.isFinite(date)) ahead = Math.abs(date - Date.now()) > 3000 ? (date - Date.now()) / 1000 : 0;
  return answer;
}

function show() {
  const text = troubles.values().next().value ?? "";
  say(byId("outage"), text === NO_ANSWER && lastAnswer ? `${text} Last answer at ${moment(lastAnswer)}.` : text);
}

/** Do `task` now and `wait()` milliseconds after each time it is done, sooner after a failure; `soon` does it at once. */
export function every(wait, task) {
  let timer = 0;
  let running = false;
  let again = false;
  async function run() {
    clearTimeout(timer);
    if (running) {
      again = true;
      return;
    }
    running = true;
    let pause = wait();
    try {
      await task();
    } catch (error) {
      pause = Math.min(pause, RETRY_MS);
      if (!(error instanceof Refused) && error.name !== "AbortError") console.error(error);
    }
    running = false;
    timer = setTimeout(run, again ? 0 : pause);
    again = false;
  }
  run();
  return { soon: run };
}
