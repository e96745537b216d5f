// Findings kept as instances of the study (SR by TID 1500, KOS, GSPS), and read back from those of anybody.

import { aspectOf, matrixOf } from "./geometry.js";
import { hasDepth, load, valuesOf } from "./frames.js";
import { numbersOf } from "./measures.js";
import { ask, forget, stackOf } from "./series.js";
import { _, dateOf, el } from "./text.js";

const UNITS = { mm: ["mm", "mm2"], px: ["px", "px2"] };

// Each study gets its own; measurements that were kept before are not kept twice.
export async function keep(app) {
  const changed = app.all().filter((measure) => measure.isChanged && measure.points.length);
  const keys = [...app.keys.values()].filter((item) => !item.isKept);
  const pane = app.active, state = stateOf(pane);
  const studies = new Set([...changed.map(({ item }) => item.study), ...keys.map(({ study }) => study)]);
  if (!studies.size && state) studies.add(pane.shown.study);
  if (!studies.size) { app.tell(_("There is nothing to keep yet.")); return; }
  for (const measure of changed) await exact(measure);
  for (const study of studies) {
    const measures = changed.filter(({ item }) => item.study === study), marked = keys.filter((item) => item.study === study);
    const body = { measures: measures.map(said), keys: marked.map(placeOf), state: pane.shown?.study === study ? state : null };
    await ask(`/view/${study}/kept`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", accept: "application/json" } });
    for (const measure of measures) measure.isChanged = false;
    for (const item of marked) item.isKept = true;
  }
  app.tell(`${_("Kept")}: ${[changed.length && `${changed.length} ${_("measurements")}`, keys.length && `${keys.length} ${_("key images")}`, state && _("the view")].filter(Boolean).join(", ")}`);
  app.update();
  forget();
}

// Values are kept of what nothing was lost from.
async function exact(measure) {
  const { item } = measure;
  const found = ["point", "ellipse", "rectangle"].includes(measure.kind) && hasDepth(item) ? await load(valuesOf(item, 3)) : null;
  measure.numbers = numbersOf(measure, item, found);
}

const placeOf = (item) => ({ uid: item.uid, frame: item.frames > 1 ? item.frame : 0 });
const bounded = (value) => Math.round(value * 1e6) / 1e6;

function said(measure) {
  const { item, kind, points } = measure, numbers = measure.numbers ?? numbersOf(measure, item, null);
  // At the detector or on film is not in the patient: such lengths are kept in pixels.
  const isTrue = numbers.isTrue && numbers.unit === "mm", [unit, square] = UNITS[isTrue ? "mm" : "px"];
  const bare = isTrue ? numbers : numbersOf(measure, { ...item, spacing: null, regions: null }, null);
  const values = [["length", bare.length, unit], ["long", bare.long, unit], ["short", bare.short, unit], ["area", bare.area, square],
    ["angle", numbers.angle, "deg"], ["value", numbers.value, numbers.valueUnit], ["mean", numbers.mean, numbers.valueUnit], ["sd", numbers.sd, numbers.valueUnit]]
    .filter(([, value]) => Number.isFinite(value)).map(([name, value, of]) => ({ name, value, unit: of }));
  return { kind, place: placeOf(item), points: points.map((point) => point.map(bounded)), values };
}

// How a pane shows its frame; null where a grayscale state has no words for it.
function stateOf(pane) {
  const item = pane.shown;
  if (!item || !item.photometric?.startsWith("MONOCHROME")) return null;
  const window = pane.currentWindow(), suv = item.suv ?? 1, { view } = pane;
  const corners = [pane.toImage([0, 0]), pane.toImage(pane.size)];
  const [first, last] = [0, 1].map((end) => corners[end].map((value, axis) => {
    const isLow = corners[end][axis] <= corners[1 - end][axis];
    return isLow ? Math.floor(value) + 1 : Math.ceil(value);
  }));
  const isTurned = view.isInverse !== (item.photometric === "MONOCHROME1" || Boolean(item.inverse));
  return { place: placeOf(item), area: [...first, ...last], window: window ? [window.center / suv, Math.max(window.width / suv, 1e-9)] : null,
    quarters: view.isFlipped ? (4 - view.quarters) % 4 : view.quarters, is_flipped: view.isFlipped, shape: isTurned ? "INVERSE" : "IDENTITY" };
}

// Shows a frame as a state says.
async function applyState(app, state) {
  const item = await find(app, app.opened, state.place);
  if (!item) { app.tell(_("What it shows is not here.")); return; }
  await app.goTo(item);
  const pane = app.active, view = pane.view, shown = pane.item;
  view.isFlipped = state.is_flipped;
  view.quarters = state.is_flipped ? (4 - state.quarters) % 4 : state.quarters;
  view.isInverse = (state.shape === "INVERSE") !== (shown.photometric === "MONOCHROME1" || Boolean(shown.inverse));
  const [x0, y0, x1, y1] = state.area, left = Math.min(x0, x1) - 1, top = Math.min(y0, y1) - 1, right = Math.max(x0, x1), bottom = Math.max(y0, y1);
  Object.assign(view, { zoom: 1, pan: [0, 0] });
  const size = [shown.columns, shown.rows], aspect = aspectOf(shown);
  const whole = matrixOf(view, size, aspect, pane.size), part = matrixOf(view, [right - left, bottom - top], aspect, pane.size);
  view.zoom = Math.hypot(part[0], part[1]) / Math.hypot(whole[0], whole[1]);
  const [x, y] = pane.toScreen([(left + right) / 2, (top + bottom) / 2]), k = Math.hypot(pane.matrix[0], pane.matrix[1]);
  view.pan = [(pane.size[0] / 2 - x) / k, (pane.size[1] / 2 - y) / k];
  const suv = shown.suv ?? 1;
  pane.setWindow(state.window && { center: state.window[0] * suv, width: state.window[1] * suv, kind: "LINEAR" });
  pane.redraw();
}

// The frame that a finding is in: the series that are shown are looked through first.
export async function find(app, opened, place) {
  const key = `${place.uid}/${Math.max(1, place.frame)}`;
  for (const pane of app.panes) {
    const item = pane.stack?.items.find((one) => one.key === key);
    if (item) return item;
  }
  for (const { uid, modality } of opened.series) {
    if (["SR", "KO", "PR"].includes(modality)) continue;
    const item = (await stackOf(opened.study.uid, uid)).items.find((one) => one.key === key);
    if (item) return item;
  }
  return null;
}

export async function readBack(app) {
  const found = await ask(`/view/${app.opened.study.uid}/kept`);
  for (const one of found.measures) {
    const item = await find(app, app.opened, one.place);
    if (!item) continue;
    const measure = { kind: one.kind, points: one.points, item, isChanged: false, label: one.label, words: one.values.map(({ name, value, unit }) => `${_(name)} ${value.toFixed(1)} ${unit}`) };
    if (!app.measures.has(item.key)) app.measures.set(item.key, []);
    app.measures.get(item.key).push(measure);
  }
  if (found.marks.length) {
    const { Marks } = await import("./marks.js");
    app.over = app.over.filter((other) => other !== app.marks).concat(app.marks = new Marks(app, found.marks));
  }
  for (const place of found.keys) {
    const item = await find(app, app.opened, place);
    if (item) app.keys.set(item.key, Object.assign(item, { isKept: true }));
  }
  app.extra = found.states.map((state) => el("li", {}, el("button", { type: "button", onclick: () => applyState(app, state) },
    el("span", {}, el("b", {}, state.label || _("Presentation state")), el("small", {}, dateOf(state.note.date))))));
  if (app.isListed) app.writeSide();
  for (const pane of app.panes) pane.redraw();
  app.update();
  document.documentElement.dataset.kept = String(found.measures.length + found.marks.length + found.keys.length + found.states.length);
}
