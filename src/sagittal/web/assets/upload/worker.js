// The service worker of /upload: sends on when no page is open, and shows the page when there is no line.

import { LOCK, send, whoIsThere } from "./files/VERSION/sending.js";

const CACHE = "upload-VERSION";
const SHELL = "/upload/shell";
const channel = new BroadcastChannel(LOCK);
let stop = new AbortController();

self.addEventListener("install", (event) => {
  const fill = async () => (await caches.open(CACHE)).addAll([SHELL, ...KEPT]);
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name.startsWith("upload-") && name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  const path = new URL(event.request.url).pathname;
  if (event.request.mode === "navigate" && path === "/upload") {
    event.respondWith(fetch(event.request).catch(() => caches.match(SHELL)));
  } else if (event.request.method === "GET" && KEPT.includes(path)) {
    event.respondWith(caches.match(event.request).then((kept) => kept ?? fetch(event.request)));
  }
});

self.addEventListener("sync", (event) => event.waitUntil(sendOn()));

channel.onmessage = (event) => {
  if (event.data === "let go") stop.abort(new Error("a page takes over"));
};

// Waits until no page is there that sends. Rejects if something is left to do, so that the browser tries again.
async function sendOn() {
  await navigator.locks.request(LOCK, async () => {
    stop = new AbortController();
    const { signal } = stop;
    try {
      await send({ owner: await whoIsThere(), heard: () => channel.postMessage("changed"), signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
}
