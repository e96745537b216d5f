// The page of uploads: takes files, folders and ZIPs, shows how far they are and what became of them.

import { packages } from "./packing.js";
import * as queue from "./queue.js";
import { LOCK, SignedOut, cancel, send, whoIsThere } from "./sending.js";

const MOST_ROWS = 100, MOST_NAMES = 500, MOST_LETTERS = 300;
const at = (name) => document.querySelector(`[data-at="${name}"]`);
const texts = JSON.parse(at("texts").textContent);
const say = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
const { lang } = document.documentElement;
const number = new Intl.NumberFormat(lang);
const ofFiles = JSON.parse(at("forms").textContent), rules = new Intl.PluralRules(lang);
const filesOf = (count) => (ofFiles[rules.select(count)] ?? ofFiles.other).replace("%(num)s", number.format(count));
const reasons = JSON.parse(at("reasons").textContent).map(([said, here]) => [new RegExp(`^${patternOf(said)}$`, "s"), here]);
const channel = new BroadcastChannel(LOCK);
const sentOf = new Map(); // bytes of a package that have left, by its number

let owner = at("upload").dataset.owner || localStorage.getItem("sagittal-upload-owner") || "";
let stop = new AbortController();
let isPaused = false, isSignedOut = false, isSending = false, isSender = false, asked = false;
let reading = 0, turns = 0; // handfuls of files that are being read now, and how often that has changed
let registration;

if (at("upload").dataset.owner) localStorage.setItem("sagittal-upload-owner", owner);

// Taking files

async function* filesIn(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) yield { name: path + entry.name, file };
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return;
    for (const one of some) yield* filesIn(one, `${path}${entry.name}/`);
  }
}

async function* dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = entries.length ? [] : [...transfer.files];
  for (const file of files) yield { name: file.name, file };
  for (const entry of entries) yield* filesIn(entry, "");
}

async function* chosen(input) {
  for (const file of [...input.files]) yield { name: file.webkitRelativePath || file.name, file };
}

async function take(entries) {
  reading += 1;
  turns += 1;
  document.body.dataset.upload = "busy"; // from now on: what is drawn next may lie behind
  navigator.storage?.persist?.();
  try {
    const left = (name, why) => queue.addLeft({ owner, name, why });
    for await (const made of packages(entries, { everything: at("everything").checked, left })) {
      const { blob, ...facts } = made;
      await queue.add({ ...facts, owner, url: "", offset: 0, state: "waiting", isHeld: isPaused, report: null, said: "" }, blob);
      work();
      show();
    }
  } catch (error) {
    at("said").textContent = say(error?.name === "QuotaExceededError" ? "full" : "unread");
  } finally {
    reading -= 1;
    turns += 1;
    show();
  }
}

// Sending: the page that holds the lock does, as long as it is open; others ask it to.

async function work() {
  asked = true;
  askForSync();
  if (!isSender) {
    channel.postMessage("work");
    return;
  }
  if (isSending || !owner) return;
  isSending = true;
  stop = new AbortController();
  try {
    if ((await whoIsThere()) !== owner) throw new SignedOut();
    isSignedOut = false;
    while (asked) {
      asked = false;
      await send({ owner, signal: stop.signal, heard });
    }
  } catch (error) {
    isSignedOut = error instanceof SignedOut;
    if (!isSignedOut && !stop.signal.aborted) setTimeout(work, 3000);
  } finally {
    isSending = false;
    show();
  }
}

// Stops what is under way, changes what waits by `how`, and goes on with the rest.
async function interrupt(how) {
  stop.abort(new Error("told to stop"));
  for (const p of await queue.all("packages", owner)) if (p.state === "waiting") await how(p);
  setTimeout(work, 50);
  show();
}

// The browser wakes the worker for what a page that was closed has left. A name that has failed before would wait long.
const tag = `upload-${Date.now()}`;

function askForSync() {
  registration?.sync?.register(tag).catch(() => {});
}

function heard(one, sent) {
  sentOf.set(one.id, sent);
  show();
}

// Showing

let isDrawn = true, isToBeDrawn = false;

// Draws soon; one drawing at a time. What is in the queue is older than what is known here by the time it has been read:
// files that were taken in the meantime may not be in it.
function show() {
  isToBeDrawn = true;
  if (!isDrawn) return;
  isDrawn = false;
  setTimeout(async () => {
    isToBeDrawn = false;
    const before = turns;
    try {
      draw(await queue.all("packages", owner), await queue.all("left", owner), reading > 0 || turns !== before);
    } finally {
      isDrawn = true;
      if (isToBeDrawn) show();
    }
  }, 100);
}

function draw(all, left, isReading) {
  const isDone = (p) => p.state === "done" || p.state === "failed";
  const sent = (p) => (p.state === "waiting" ? Math.max(p.offset, sentOf.get(p.id) ?? 0) : p.size);
  const total = sum(all, (p) => p.size), gone = sum(all.filter((p) => p.state !== "failed"), sent);
  const open = all.filter((p) => !isDone(p));
  isPaused = open.some((p) => p.isHeld);
  at("list").hidden = !all.length && !left.length && !isReading;
  at("bar").hidden = !all.length;
  at("bar").max = total || 1;
  at("bar").value = gone;
  at("whole").textContent = say(isReading ? "reading" : open.length ? "sending" : all.length ? "ended" : "nothing", {
    sent: size(gone), total: size(total), files: filesOf(sum(all, (p) => p.count)),
  });
  at("outcome").replaceChildren(...outcome(all));
  at("outcome").hidden = !at("outcome").children.length;
  at("pause").hidden = !open.length || isPaused;
  at("resume").hidden = !open.length || !isPaused;
  at("cancel").hidden = !open.length;
  at("clear").hidden = !all.some(isDone) && !left.length;
  at("line").textContent = isSignedOut ? say("signedOut") : navigator.onLine || !open.length ? "" : say("offline");
  at("sign-in").hidden = !isSignedOut;
  at("rows").replaceChildren(...all.slice(-MOST_ROWS).reverse().map((p) => row(p, sent(p))));
  const refused = all.flatMap((p) => [
    ...(p.report?.refused ?? []),
    ...(p.report?.missing ?? []).map((name) => ({ name, reason: say("missing") })),
    ...(p.state === "failed" ? [{ name: p.name, reason: p.said === "lost" ? say("lost") : p.said }] : []),
  ]);
  names(at("refused"), refused, sum(all, (p) => p.report?.refused_count ?? 0) || refused.length);
  names(at("left"), left.map(({ name, why }) => ({ name, reason: say(`left_${why}`) })), left.length);
  document.body.dataset.upload = open.length || isReading ? "busy" : "idle";
}

function outcome(all) {
  const reports = all.map((p) => p.report).filter(Boolean);
  const counts = { stored: "stored", here: "duplicates", aside: "conflicts", refused: "refused_count" };
  return Object.entries(counts)
    .map(([text, field]) => [text, sum(reports, (report) => report[field])])
    .filter(([text, count]) => count || (text === "stored" && reports.length))
    .flatMap(([text, count]) => {
      const box = document.createElement("div");
      box.append(element("dt", say(text)), element("dd", number.format(count)));
      return [box];
    });
}

function row(p, sent) {
  const line = element("li", "");
  const what = element("div", "");
  const called = element("bdi", shown(p.name));
  const state = p.state === "waiting" && (sent > 0 || p.url) ? "going" : p.state;
  const hint = element("p", say(`state_${state}`, { sent: size(sent), size: size(p.size), files: filesOf(p.count) }));
  hint.className = "hint";
  what.append(called, hint);
  line.append(what);
  line.dataset.state = p.state;
  if (p.state === "waiting" || p.state === "sent") {
    const bar = element("progress", "");
    [bar.max, bar.value] = [p.size || 1, sent];
    bar.setAttribute("aria-label", shown(p.name));
    line.append(bar);
  }
  return line;
}

function names(place, list, count) {
  place.hidden = !list.length;
  place.querySelector("summary span").textContent = number.format(count);
  place.querySelector("ul").replaceChildren(
    ...list.slice(0, MOST_NAMES).map(({ name, reason }) => {
      const line = element("li", "");
      line.append(element("bdi", shown(name)), element("span", reasonOf(reason)));
      return line;
    }),
  );
}

// A name of a file, which may be anything: what controls a line or turns letters around is seen, and does not.
function shown(name) {
  const seen = name.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");
  return seen.length > MOST_LETTERS ? `${seen.slice(0, MOST_LETTERS)}…` : seen;
}

// What the server said of a file, as it stands in the catalogue of the reader's language; as it was said where it does not.
function reasonOf(text) {
  for (const [pattern, here] of reasons) {
    const found = pattern.exec(text);
    if (found) return here.replace(/%\((\w+)\)s/g, (_, name) => found.groups[name] ?? "");
  }
  return text;
}

function patternOf(said) {
  return said.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/%\\\((\w+)\\\)s/g, "(?<$1>.{1,300}?)");
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

const sum = (list, of) => list.reduce((total, one) => total + of(one), 0);

function size(bytes) {
  const unit = bytes < 1e6 ? "kilobyte" : bytes < 1e9 ? "megabyte" : "gigabyte";
  const value = bytes / { kilobyte: 1e3, megabyte: 1e6, gigabyte: 1e9 }[unit];
  const digits = value < 10 && unit !== "kilobyte" ? 1 : 0;
  const form = { style: "unit", unit, maximumFractionDigits: digits };
  return new Intl.NumberFormat(lang, form).format(value);
}

// The page that the worker shows when there is no line is kept in the language that is read now.
async function keepInLanguage() {
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    const kept = name.startsWith("upload-") ? await cache.match("/upload/shell") : undefined;
    if (kept && !(await kept.text()).includes(`<html lang="${lang}"`)) await cache.add("/upload/shell");
  }
}

// Hands

for (const input of [at("files"), at("folder")]) {
  input.addEventListener("change", () => take(chosen(input)).then(() => (input.value = "")));
}
for (const [button, input] of [["choose-files", "files"], ["choose-folder", "folder"]]) {
  at(button).addEventListener("click", () => at(input).click());
}
const zone = at("zone");
addEventListener("dragover", (event) => {
  event.preventDefault();
  zone.classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget ?? zone.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  take(dropped(event.dataTransfer));
});
at("pause").addEventListener("click", () => interrupt((p) => queue.change(p.id, { isHeld: true })));
at("resume").addEventListener("click", () => interrupt((p) => queue.change(p.id, { isHeld: false })));
at("cancel").addEventListener("click", () => confirm(say("sure")) && interrupt(cancel));
at("clear").addEventListener("click", async () => {
  const ended = (p) => p.state === "done" || p.state === "failed";
  for (const p of (await queue.all("packages", owner)).filter(ended)) await queue.remove(p.id);
  for (const one of await queue.all("left", owner)) await queue.removeLeft(one.id);
  show();
});
addEventListener("online", () => (work(), show()));
addEventListener("offline", show);
addEventListener("beforeunload", (event) => reading && event.preventDefault());
addEventListener("visibilitychange", () => document.hidden && document.body.dataset.upload === "busy" && askForSync());
channel.onmessage = (event) => (event.data === "work" && isSender ? work() : show());

at("choices").hidden = false;
at("needs").hidden = true;
navigator.serviceWorker?.register("/upload/worker.js", { scope: "/upload", type: "module" }).catch(() => {});
navigator.serviceWorker?.ready.then((ready) => {
  registration = ready;
  if (at("upload").dataset.owner) return keepInLanguage();
}).catch(() => {});
channel.postMessage("let go");
navigator.locks.request(LOCK, () => {
  isSender = true;
  queue.sweep().then(work);
  return new Promise(() => {}); // until the page is closed
});
show();
