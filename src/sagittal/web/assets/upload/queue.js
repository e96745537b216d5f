// The queue of uploads, in IndexedDB: what is in it survives a reload, a closed tab and a power cut.
//
// A package is one upload: { id, owner, name, count, size, url, offset, state, isHeld, report, said, at }; its bytes lie
// beside it.
//   size: of what goes over the line; url: where the server takes it, "" before it was asked;
//   isHeld: a person has paused it; state: "waiting", "sent" (all is there, the report is awaited), "done", "failed".
// A left file is one that was not sent: { id, owner, name, why, at }.

const NAME = "sagittal-upload";
const KEPT_MS = 7 * 86_400_000;

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("packages", { keyPath: "id", autoIncrement: true });
      request.result.createObjectStore("blobs");
      request.result.createObjectStore("left", { keyPath: "id", autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function within(store, mode, work) {
  const db = await open();
  return new Promise((resolve, reject) => {
    const both = store === "packages" && mode === "readwrite" ? ["packages", "blobs"] : store;
    const transaction = db.transaction(both, mode, { durability: mode === "readwrite" ? "strict" : "default" });
    const request = work(transaction.objectStore(store), transaction);
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const addLeft = (one) => within("left", "readwrite", (s) => s.add({ ...one, at: Date.now() }));
export const removeLeft = (id) => within("left", "readwrite", (s) => s.delete(id));
export const get = (id) => within("packages", "readonly", (s) => s.get(id));
export const blobOf = (id) => within("blobs", "readonly", (s) => s.get(id));

export function add(one, blob) {
  return within("packages", "readwrite", (s, transaction) => {
    const request = s.add({ ...one, at: Date.now() });
    request.onsuccess = () => transaction.objectStore("blobs").put(blob, request.result);
    return request;
  });
}

export function remove(id) {
  return within("packages", "readwrite", (s, transaction) => {
    transaction.objectStore("blobs").delete(id);
    return s.delete(id);
  });
}

export async function all(store, owner) {
  return (await within(store, "readonly", (s) => s.getAll())).filter((one) => one.owner === owner);
}

// Changes a package unless somebody has taken it from the queue meanwhile; gives it, or undefined. One that waits no
// longer needs its bytes no longer.
export async function change(id, fields) {
  let changed;
  await within("packages", "readwrite", (s, transaction) => {
    const request = s.get(id);
    request.onsuccess = () => {
      if (request.result === undefined) return;
      changed = { ...request.result, ...fields };
      s.put(changed);
      if (changed.state !== "waiting") transaction.objectStore("blobs").delete(id);
    };
    return request;
  });
  return changed;
}

// Forgets what nobody has come back for.
export async function sweep() {
  for (const store of ["packages", "left"]) {
    for (const one of await within(store, "readonly", (s) => s.getAll())) {
      if (Date.now() - one.at > KEPT_MS) await (store === "left" ? removeLeft : remove)(one.id);
    }
  }
}
