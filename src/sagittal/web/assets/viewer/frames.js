// Pictures and values of frames, by tier: a windowed preview made by the server; near-lossless and lossless values, which
// are windowed here. Asks for few at a time, for what is looked at first, and forgets what was used longest ago.

import { meaningOf, storedOf } from "./window.js";

export const TIERS = ["", "preview", "near", "lossless"];
const KEPT_BYTES = 384 * 1024 * 1024;
const AT_ONCE = 4;
const NEAR = "1.2.840.10008.1.2.4.81", LOSSLESS = "1.2.840.10008.1.2.4.80";

const kept = new Map(); // address -> {picture or values, bytes}
const asked = new Map(); // address -> {promise, abort}
const waiting = [], begun = new Set();
let running = 0, size = 0;
export const line = { bytesPerSecond: 0, received: 0, isQuick: false, flow: 0 };

const base = (item) =>
  `/dicom-web/studies/${item.study}/series/${item.series}/instances/${item.uid}/frames/${item.frame}`;

// Values can be windowed here: one sample, and no tables that only the server has.
export const hasDepth = (item) =>
  (item.samples ?? 1) === 1 && item.photometric?.startsWith("MONOCHROME") && !item.table && item.allocated <= 16 && item.bits > 1;

// WebP is half of JPEG on the line and twice its work for the server: it is for lines where bytes count.
const kindOf = () => (line.isQuick ? "quality=60&accept=image/jpeg" : "quality=25&accept=image/webp");

export function previewOf(item, side, window) {
  const most = Math.max(item.rows, item.columns);
  const step = [64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096].find((one) => one >= Math.min(side, most)) ?? 4096;
  const width = Math.min(step, Math.max(1, most));
  const { slope } = meaningOf(item), suv = slope / (item.slope ?? 1);
  const shown = window ? `&window=${window.center / suv},${Math.max(window.width / suv, window.kind === "LINEAR" ? 1 : 1e-6)},${(window.kind || "LINEAR").toLowerCase().replace("_", "-")}` : "";
  return { tier: 1, address: `${base(item)}/rendered?viewport=${width},${width}&${kindOf()}${shown}&v=${item.digest}` };
}
// The server's picture in full size, for what only the server has tables for.
export const pictureOf = (item) => ({ tier: 3, address: `${base(item)}/rendered?accept=image/png&v=${item.digest}` });
export function valuesOf(item, tier) {
  if (!hasDepth(item)) return pictureOf(item);
  const isNear = tier === 2 && !item.signed;
  return { tier: isNear ? 2 : 3, address: `${base(item)}?v=${item.digest}${isNear ? `&quality=${item.bits <= 12 ? 98 : 100}` : ""}`,
    accept: `image/jls;transfer-syntax=${isNear ? NEAR : LOSSLESS}`, item };
}

// What is here of it, null if nothing is.
export function here(wanted) {
  const found = kept.get(name(wanted));
  if (!found) return null;
  kept.delete(name(wanted));
  kept.set(name(wanted), found);
  return found;
}
const name = (wanted) => wanted.address + (wanted.accept ?? "");

// The frame as soon as it is here. `urgency`: 0 is looked at now, larger comes later.
export function load(wanted, urgency = 0) {
  const key = name(wanted), found = here(wanted);
  if (found) return Promise.resolve(found);
  const before = asked.get(key);
  if (before) { before.urgency = Math.min(before.urgency, urgency); return before.promise; }
  const one = { wanted, urgency, key, abort: new AbortController() };
  one.promise = new Promise((resolve, reject) => Object.assign(one, { resolve, reject }));
  one.promise.catch(() => {});
  asked.set(key, one);
  waiting.push(one);
  next();
  return one.promise;
}

// Lets go of what was asked for ahead and has not begun, except `names`.
export function letGo(wanted = []) {
  const names = new Set(wanted.map(name));
  for (const one of [...waiting]) {
    if (one.urgency === 0 || names.has(one.key)) continue;
    waiting.splice(waiting.indexOf(one), 1);
    asked.delete(one.key);
    one.reject(new DOMException("let go", "AbortError"));
  }
  for (const one of begun) if (one.urgency > 0 && one.wanted.tier > 1 && !names.has(one.key)) one.abort.abort();
}
export const isBusy = () => running > 0;

function next() {
  while (running < AT_ONCE && waiting.length) {
    waiting.sort((a, b) => a.urgency - b.urgency);
    if (waiting[0].urgency > 0 && running >= AT_ONCE - 1) return; // one way stays free for what is looked at next
    const one = waiting.shift();
    if (!running++) since = performance.now();
    begun.add(one);
    bring(one).then(one.resolve, one.reject).finally(() => { begun.delete(one); asked.delete(one.key); if (!--running) busy += performance.now() - since; next(); });
  }
}

async function bring({ wanted, key, abort }) {
  const answer = await fetch(wanted.address, { headers: wanted.accept ? { accept: wanted.accept } : {}, signal: abort.signal });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? `${answer.status}`);
  const body = await answer.arrayBuffer();
  measure(body.byteLength, answer.url);
  meter(body.byteLength);
  const found = wanted.accept ? await decoded(body, wanted.item)
    : { picture: await createImageBitmap(new Blob([body], { type: answer.headers.get("content-type") })) };
  const { picture, values } = found;
  found.tier = wanted.tier;
  found.sent = body.byteLength;
  found.bytes = picture ? picture.width * picture.height * 4 : values.byteLength;
  keep(key, found);
  return found;
}

function keep(key, found) {
  kept.set(key, found);
  size += found.bytes;
  for (const [oldest, one] of kept) {
    if (size <= KEPT_BYTES || oldest === key) break;
    kept.delete(oldest);
    size -= one.bytes; // its bitmap may still be on a pane: the collector takes it
  }
}

// Bytes a second, of late, by bodies that are large enough to tell; what comes from the browser's cache says nothing.
function measure(bytes, address) {
  line.received += bytes;
  const entry = performance.getEntriesByName(address).pop();
  if (performance.getEntriesByType("resource").length > 200) performance.clearResourceTimings();
  if (bytes < 16_000 || !entry?.transferSize) return;
  const rate = bytes / Math.max(1, entry.responseEnd - entry.responseStart) * 1000 * Math.max(1, running);
  line.bytesPerSecond = line.bytesPerSecond ? 0.7 * line.bytesPerSecond + 0.3 * rate : rate;
  line.isQuick = line.bytesPerSecond > (line.isQuick ? 100_000 : 250_000);
}

// Bytes a second of everything that came while something was asked for, small bodies too.
let since = 0, busy = 0, passed = 0;
function meter(bytes) {
  const now = performance.now(), time = busy + now - since;
  passed += bytes;
  if (time < 300 || passed < 16_000) return; // small ones tell how long they waited rather than how quick the line is
  line.flow = line.flow ? (line.flow + passed / time * 1000) / 2 : passed / time * 1000;
  [since, busy, passed] = [now, 0, 0];
}

let workers = null, turn = 0;
const pending = new Map();
let numbered = 0;
function decoded(body, item) {
  workers ??= Array.from({ length: Math.min(4, navigator.hardwareConcurrency || 2) }, () => {
    const worker = new Worker(new URL("./decoder.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => {
      const one = pending.get(data.id);
      pending.delete(data.id);
      if (data.error) one.reject(new Error(data.error)); else one.resolve(data.frame);
    };
    return worker;
  });
  const id = ++numbered;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject });
    workers[turn++ % workers.length].postMessage({ id, bytes: body }, [body]);
  }).then((frame) => {
    const values = storedOf(frame.values, item);
    let least = Infinity, most = -Infinity;
    for (let i = 0; i < values.length; i++) { const v = values[i]; if (v < least) least = v; if (v > most) most = v; }
    return { values, least, most, columns: frame.columns, rows: frame.rows, near: frame.near };
  });
}
