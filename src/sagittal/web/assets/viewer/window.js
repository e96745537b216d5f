// Values and windows: stored values to what they mean, and those to shades (PS3.3 Section C.11.2.1.2).

import { _ } from "./text.js";

export const PRESETS = {
  CT: [["Soft tissue", 50, 400], ["Lung", -500, 1500], ["Bone", 400, 1800], ["Brain", 40, 80], ["Liver", 60, 160],
    ["Mediastinum", 50, 350], ["Stroke", 35, 40], ["Angio", 300, 600]],
  PT: [["SUV 0–5", 2.5, 5], ["SUV 0–10", 5, 10], ["SUV 0–20", 10, 20]],
};

// What stored values of an instance become: {slope, intercept, unit}; PET in SUV where the object says enough for it.
export function meaningOf(item) {
  const slope = item.slope ?? 1, intercept = item.intercept ?? 0;
  if (item.suv) return { slope: slope * item.suv, intercept: intercept * item.suv, unit: "SUV" };
  return { slope, intercept, unit: item.unit ?? "" };
}

// Cells as they were sent to stored values: the bits that are stored, with their sign.
export function storedOf(cells, item) {
  const bits = item.bits || 16;
  const up = 32 - bits, low = Math.max(0, (item.high ?? bits - 1) + 1 - bits);
  const out = item.signed ? new Int16Array(cells.length) : cells;
  if (!item.signed && low === 0 && bits === 16) return cells;
  for (let i = 0; i < cells.length; i++) {
    const value = (cells[i] >> low) << up;
    out[i] = item.signed ? value >> up : value >>> up;
  }
  return out;
}

// The windows that the object names, in the meaning of its values, then those of its modality.
export function presetsOf(item, found = null) {
  const factor = item.suv ?? 1;
  const own = (item.windows ?? []).map(([center, width], index) =>
    [item.names?.[index] || (index ? `Window ${index + 1}` : "As stored"), center * factor, width * factor]);
  const isUsual = item.modality !== "PT" || item.suv;
  if (item.modality in PRESETS) return [...own, ...(isUsual ? PRESETS[item.modality] : [])];
  if (!found) return own;
  const { center, width } = windowOf(item) ?? usualWindow(found.values, item), { slope, intercept } = meaningOf(item);
  const [low, high] = [found.least, found.most].map((value) => value * slope + intercept).sort((a, b) => a - b);
  return [...own, [_("More contrast"), center, width / 2], [_("Less contrast"), center, width * 2], [_("All values"), (low + high) / 2, Math.max(high - low, 1e-6)]];
}

// A window for values that come without one: as the server chooses it (`imaging/render/voi.py`).
const PERCENTILES = { CR: [1, 99.5], DX: [1, 99.5], MG: [1, 99.5], MR: [1, 99], PT: [0, 99.5] };
const usual = new WeakMap(); // by values: they are sorted once
export function usualWindow(values, item) {
  if (!usual.has(values)) usual.set(values, chosenFor(values, item));
  return usual.get(values);
}
function chosenFor(values, item) {
  const { slope, intercept } = meaningOf(item);
  if (item.modality === "CT" && item.unit === "HU") return { center: 40, width: 400, kind: "LINEAR" };
  if (item.bits <= 8 && !item.signed && slope === 1 && intercept === 0)
    return { center: (2 ** item.bits - 1) / 2, width: 2 ** item.bits - 1, kind: "LINEAR_EXACT" };
  const step = Math.max(1, Math.floor(values.length / 65536)), some = [];
  for (let i = 0; i < values.length; i += step) some.push(values[i]);
  some.sort((a, b) => a - b);
  const at = (percent) => some[Math.round((some.length - 1) * percent / 100)] * slope + intercept;
  const [low, high] = (PERCENTILES[item.modality] ?? [0.5, 99.5]).map(at).sort((a, b) => a - b);
  return { center: (low + high) / 2, width: Math.max(high - low, 1e-9), kind: "LINEAR_EXACT" };
}

export const windowOf = (item) =>
  item.windows?.length ? { center: item.windows[0][0] * (item.suv ?? 1), width: item.windows[0][1] * (item.suv ?? 1),
    kind: item.function || "LINEAR" } : null;

// Shades 0 to 255 for each stored value from `least` on, as pixels of an ImageData.
export function tableOf(item, { center, width, kind }, isInverse, least, most) {
  const { slope, intercept } = meaningOf(item);
  const isTurned = isInverse !== (item.photometric === "MONOCHROME1" || Boolean(item.inverse));
  const table = new Uint32Array(most - least + 1);
  const linear = kind !== "LINEAR_EXACT" && kind !== "SIGMOID" && width >= 1;
  const [middle, spread] = linear ? [center - 0.5, width - 1] : [center, width];
  for (let i = 0; i < table.length; i++) {
    const value = (i + least) * slope + intercept;
    let shade = kind === "SIGMOID" ? 1 / (1 + Math.exp(-4 * (value - center) / width))
      : spread <= 0 ? Number(value > middle) : (value - middle) / spread + 0.5;
    shade = Math.round(255 * Math.max(0, Math.min(1, shade)));
    if (isTurned) shade = 255 - shade;
    table[i] = 0xff000000 | shade << 16 | shade << 8 | shade;
  }
  return table;
}

export function paint(values, table, least, pixels) {
  const out = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < values.length; i++) out[i] = table[values[i] - least];
}
