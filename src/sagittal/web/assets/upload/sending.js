// Sends the packages of the queue, a few at a time, by tus 1.0.0. Runs in the page, or in the service worker when there
// is none; never in both: whoever holds the lock sends.

import * as queue from "./queue.js";

const AT = "/api/uploads";
const TUS = { "Tus-Resumable": "1.0.0" };
const PARALLEL = 3;
const PIECE_BYTES = 1024 * 1024; // of the worker, which hears of no progress within a piece
const WAITS_MS = [1000, 2000, 4000, 8000, 15000, 30000];
export const LOCK = "sagittal-upload";

export class Stopped extends Error {} // paused, or somebody else takes over
export class SignedOut extends Error {}
class Refused extends Error {} // the server will not have it, now or later

// Who is signed in, as the server calls them; raises SignedOut.
export async function whoIsThere() {
  const answer = await fetch(AT, { headers: { Accept: "application/json" } });
  if (answer.status === 401 || answer.status === 403) throw new SignedOut();
  if (!answer.ok) throw new TypeError(`status ${answer.status}`);
  return (await answer.json()).owner;
}

// Sends all there is for `owner`; returns when nothing is left to do.
//   heard(package, sent): after each change; signal: stops it.
export async function send({ owner, heard, signal }) {
  const started = new Set();
  const one = async () => {
    for (;;) {
      signal.throwIfAborted();
      const next = (await queue.all("packages", owner)).find(
        (p) => !started.has(p.id) && ((p.state === "waiting" && !p.isHeld) || p.state === "sent"),
      );
      if (next === undefined) return;
      if (started.has(next.id)) continue;
      started.add(next.id);
      await persist(next, { heard, signal });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, one));
}

async function persist(waiting, told) {
  let failures = 0;
  for (let p = waiting; p !== undefined; p = await queue.get(p.id)) {
    try {
      if (p.state === "waiting") p = await transfer(p, told);
      if (p?.state === "sent") p = await report(p, told);
      return;
    } catch (error) {
      if (told.signal.aborted || error instanceof SignedOut) throw error;
      if (error instanceof Refused) {
        const failed = await queue.change(p.id, { state: "failed", said: error.message });
        if (failed) told.heard(failed, 0);
        return;
      }
      await pause(WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)], told.signal);
    }
  }
}

async function transfer(p, { heard, signal }) {
  let offset = 0;
  if (p.url) {
    const there = await ask("HEAD", p.url, { signal });
    if (there === null) p = await queue.change(p.id, { url: "", offset: 0 });
    else offset = Number(there.headers.get("Upload-Offset"));
  }
  if (p === undefined) return undefined;
  if (!p.url) {
    const metadata = `filename ${base64(p.name)}`;
    const made = await ask("POST", AT, {
      signal, headers: { "Upload-Length": String(p.size), "Upload-Metadata": metadata },
    });
    const url = made.headers.get("Location");
    p = await queue.change(p.id, { url, offset: 0 });
    if (p === undefined) fetch(url, { method: "DELETE", headers: TUS }).catch(() => {}); // given up meanwhile
    offset = 0;
  }
  const blob = p && (await queue.blobOf(p.id));
  if (p !== undefined && blob === undefined) throw new Refused("lost");
  while (p !== undefined && offset < p.size) {
    heard(p, offset);
    const end = typeof XMLHttpRequest === "undefined" ? Math.min(p.size, offset + PIECE_BYTES) : p.size;
    offset = await piece(p, offset, blob.slice(offset, end), heard, signal);
    p = await queue.change(p.id, { offset });
  }
  if (p === undefined) return undefined;
  p = await queue.change(p.id, { state: "sent" });
  if (p) heard(p, p.size);
  return p;
}

async function report(p, { heard, signal }) {
  for (let wait = 150; ; wait = Math.min(wait * 1.6, 5000)) {
    const answer = await ask("GET", `${p.url}/report`, { signal });
    if (answer === null) throw new Refused("lost");
    const report = await answer.json();
    const changed = await queue.change(p.id, { report, state: report.state === "done" ? "done" : "sent" });
    if (changed === undefined) return undefined;
    heard(changed, changed.size);
    if (report.state === "done") return changed;
    await pause(wait, signal);
  }
}

// Forgets a package, here and at the server.
export async function cancel(p) {
  await queue.remove(p.id);
  if (p.url && p.state === "waiting") await fetch(p.url, { method: "DELETE", headers: TUS }).catch(() => {});
}

async function ask(method, url, { headers = {}, signal }) {
  const answer = await fetch(url, { method, headers: { ...TUS, ...headers }, signal });
  if (answer.ok) return answer;
  if (answer.status === 404 && method !== "POST") return null;
  throw await failure(answer.status, () => answer.json());
}

async function failure(status, json) {
  if (status === 401) return new SignedOut();
  const detail = await Promise.resolve().then(json).then((body) => body.detail, () => "");
  if (status === 409 || status === 460 || status === 404 || status === 429 || status >= 500) return new TypeError(detail);
  return new Refused(detail || `status ${status}`);
}

const headersOf = (offset) => ({
  ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream",
});

async function piece(p, offset, body, heard, signal) {
  if (typeof XMLHttpRequest !== "undefined") return pieceWithProgress(p, offset, body, heard, signal);
  const answer = await fetch(p.url, { method: "PATCH", headers: headersOf(offset), body, signal });
  if (!answer.ok) throw await failure(answer.status, () => answer.json());
  return Number(answer.headers.get("Upload-Offset"));
}

function pieceWithProgress(p, offset, body, heard, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", p.url);
    for (const [name, value] of Object.entries(headersOf(offset))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => heard(p, offset + event.loaded);
    const stop = () => request.abort();
    signal.addEventListener("abort", stop, { once: true });
    request.onloadend = () => {
      signal.removeEventListener("abort", stop);
      if (request.status >= 200 && request.status < 300) resolve(Number(request.getResponseHeader("Upload-Offset")));
      else if (request.status === 0) reject(signal.aborted ? signal.reason : new TypeError("the line broke"));
      else failure(request.status, () => JSON.parse(request.responseText)).then(reject);
    };
    request.send(body);
  });
}

// Waits, but not beyond the line's coming back.
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = (how) => () => {
      clearTimeout(timer);
      self.removeEventListener("online", on);
      signal.removeEventListener("abort", off);
      how();
    };
    const on = end(resolve), off = end(() => reject(signal.reason));
    const timer = setTimeout(on, ms);
    self.addEventListener("online", on);
    signal.addEventListener("abort", off);
  });
}

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text.slice(0, 1000))));
