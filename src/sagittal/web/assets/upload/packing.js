// Chosen files become packages: many small ones one ZIP, deflated, so that a study costs few round trips and few bytes.

const PACKAGE_BYTES = 8 * 1024 * 1024;
const MOST_FILES = 2000;
const LEAST_SAVED = 0.95;

const TABLE = new Uint32Array(256).map((_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

export function crc32(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// "dicom", "zip", "directory" (a DICOMDIR), "empty" or "other", by the first bytes; with or without a preamble (PS3.10 Section 7.1).
export async function kindOf(file, name) {
  if (file.size === 0) return "empty";
  if (/(^|\/)DICOMDIR$/i.test(name)) return "directory";
  const head = new Uint8Array(await file.slice(0, 132).arrayBuffer());
  const is = (at, text) => [...text].every((letter, i) => head[at + i] === letter.charCodeAt(0));
  if (is(128, "DICM")) return "dicom";
  if (is(0, "PK\x03\x04")) return "zip";
  const [group, element] = [head[0] | (head[1] << 8), head[2] | (head[3] << 8)];
  return (group === 8 || group === 2) && element < 0x0100 && head.length > 8 ? "dicom" : "other";
}

async function deflated(bytes) {
  if (typeof CompressionStream === "undefined") return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  return packed.length < bytes.length * LEAST_SAVED ? packed : bytes;
}

// A ZIP of { name, file } (APPNOTE.TXT 4.3); sizes stay below 4 GB by PACKAGE_BYTES.
async function zipped(entries) {
  const parts = [], directory = [];
  let offset = 0, length = 0;
  for (const { name, file } of entries) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const packed = await deflated(bytes);
    const called = new TextEncoder().encode(name);
    const shared = new DataView(new ArrayBuffer(26));
    shared.setUint16(0, 20, true);
    shared.setUint16(2, 0x0800, true); // names are UTF-8
    shared.setUint16(4, packed === bytes ? 0 : 8, true);
    shared.setUint16(8, 0x21, true); // 1980-01-01
    shared.setUint32(10, crc32(bytes), true);
    shared.setUint32(14, packed.length, true);
    shared.setUint32(18, bytes.length, true);
    shared.setUint16(22, called.length, true);
    const end = new DataView(new ArrayBuffer(14));
    end.setUint32(10, offset, true);
    parts.push(new Uint8Array([0x50, 0x4b, 3, 4]), shared, called, packed);
    directory.push(new Uint8Array([0x50, 0x4b, 1, 2, 20, 0]), shared, end, called);
    offset += 30 + called.length + packed.length;
    length += 46 + called.length;
  }
  const last = new DataView(new ArrayBuffer(22));
  last.setUint32(0, 0x06054b50, true);
  last.setUint16(8, entries.length, true);
  last.setUint16(10, entries.length, true);
  last.setUint32(12, length, true);
  last.setUint32(16, offset, true);
  return new Blob([...parts, ...directory, last], { type: "application/zip" });
}

async function together(entries) {
  const blob = await zipped(entries);
  const [{ name }] = entries;
  const folder = entries.length > 1 && name.includes("/") ? name.replace(/\/[^/]*$/, "") : name;
  return { name: folder, count: entries.length, size: blob.size, blob };
}

// Packages { name, count, size, blob } of { name, file }, as they are made; `left(name, why)` hears of what is not sent.
// What is read is read now: a file on a disk may be gone, or another, when its turn to be sent comes.
export async function* packages(entries, { everything, left }) {
  let open = [], bytes = 0;
  for await (const { name, file } of entries) {
    let kind, copy;
    try {
      kind = await kindOf(file, name);
      copy = new Blob([await file.arrayBuffer()]);
    } catch {
      kind = "unreadable";
    }
    if (kind !== "dicom" && kind !== "zip" && !(kind === "other" && everything)) {
      await left(name, kind);
    } else if (kind === "zip" || copy.size > PACKAGE_BYTES) {
      yield { name, count: 1, size: copy.size, blob: copy };
    } else {
      if (open.length && (bytes + copy.size > PACKAGE_BYTES || open.length >= MOST_FILES)) {
        yield await together(open);
        [open, bytes] = [[], 0];
      }
      open.push({ name, file: copy });
      bytes += copy.size;
    }
  }
  if (open.length) yield await together(open);
}
