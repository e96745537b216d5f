// What a hand does on a pane: the tool with the left button or one finger, pan and zoom with the others, two fingers to
// zoom and pan; the wheel scrolls.

import { KINDS, valueAt } from "./measures.js";
import { meaningOf } from "./window.js";
import { round } from "./text.js";

const GRIP = 12, FINGER_GRIP = 26, PIXELS_PER_FRAME = 12;

export function listen(pane, app) {
  const fingers = new Map();
  let act = null, wheel = 0;
  const { canvas } = pane;
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus({ preventScroll: true });
    app.choose(pane);
    if (!pane.shown) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    if (fingers.size === 2) { act?.cancel?.(); act = pinch(pane, [...fingers.values()]); return; }
    const tool = event.button === 1 ? "pan" : event.button === 2 ? "zoom" : app.tool;
    act = begin(tool, pane, app, at(event), event.pointerType === "touch" ? FINGER_GRIP : GRIP);
  });
  canvas.addEventListener("pointermove", (event) => {
    const point = at(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, point);
    if (act) act.move(point, [...fingers.values()]);
    else app.drawing?.pane === pane ? app.drawing.hover(point) : probe(pane, point);
    if (app.tool === "magnify" && pane.shown) { pane.glass = point; pane.redraw(); }
  });
  const end = (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size) return;
    act?.end?.(at(event));
    act = null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => { pane.glass = null; pane.probe.textContent = ""; pane.redraw(); });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    app.choose(pane);
    if (event.ctrlKey) { zoomAt(pane, at(event), Math.exp(-event.deltaY / 300)); return; }
    wheel += event.deltaMode === 1 ? event.deltaY * 33 : event.deltaY;
    const steps = Math.trunc(wheel / 60);
    wheel -= steps * 60;
    if (steps) pane.show(pane.index + Math.sign(steps) * Math.min(Math.abs(steps), 5));
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { if (!KINDS[app.tool]) app.enlarge(pane); });
}

function begin(tool, pane, app, start, grip) {
  const held = app.measuresOf(pane.shown).flatMap((measure) => measure.points.map((point, index) => ({ measure, index, point })))
    .find(({ point }) => { const [x, y] = pane.toScreen(point); return Math.hypot(x - start[0], y - start[1]) < grip; });
  if (app.drawing?.pane === pane) return app.drawing.press(start);
  if (held) return dragPoint(pane, app, held);
  if (KINDS[tool]) return drawing(tool, pane, app, start);
  return (ACTS[tool] ?? ACTS.scroll)(pane, start, app);
}

const ACTS = {
  window(pane, start) {
    const before = pane.currentWindow();
    if (!before) { pane.deepen(pane.item); return { move() {} }; }
    const step = Math.max(before.width / 250, 1e-6);
    return { move: ([x, y]) => pane.setWindow({ ...before,
      width: Math.max(before.kind === "LINEAR" ? 1 : step, before.width + (x - start[0]) * step * 1.5),
      center: before.center + (y - start[1]) * step }) };
  },
  pan(pane, start) {
    const before = pane.view.pan, m = pane.matrix, k = Math.hypot(m[0], m[1]);
    return { move: ([x, y]) => pane.change({ pan: [before[0] + (x - start[0]) / k, before[1] + (y - start[1]) / k] }) };
  },
  zoom(pane, start) {
    const before = { ...pane.view };
    return { move: ([, y]) => { Object.assign(pane.view, { zoom: before.zoom, pan: before.pan }); zoomAt(pane, start, Math.exp((start[1] - y) / 150)); } };
  },
  scroll(pane, start) {
    const before = pane.index, per = Math.max(2, Math.min(PIXELS_PER_FRAME, pane.size[1] / pane.stack.items.length));
    return { move: ([, y]) => pane.show(before + Math.round((y - start[1]) / per)) };
  },
  magnify(pane, start) {
    pane.glass = start;
    pane.redraw();
    return { move(point) { pane.glass = point; pane.redraw(); }, end() { pane.glass = null; pane.redraw(); } };
  },
};

// Keeps what is under the point where it is.
export function zoomAt(pane, point, factor) {
  const fixed = pane.toImage(point), zoom = Math.max(0.2, Math.min(40, pane.view.zoom * factor));
  pane.view.zoom = zoom;
  const [x, y] = pane.toScreen(fixed), m = pane.matrix, k = Math.hypot(m[0], m[1]);
  pane.change({ pan: [pane.view.pan[0] + (point[0] - x) / k, pane.view.pan[1] + (point[1] - y) / k] });
}

function pinch(pane, [one, other]) {
  let middle = [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2], wide = Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
  return { move(_point, [a, b]) {
    if (!b) return;
    const now = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], width = Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
    const m = pane.matrix, k = Math.hypot(m[0], m[1]);
    pane.change({ pan: [pane.view.pan[0] + (now[0] - middle[0]) / k, pane.view.pan[1] + (now[1] - middle[1]) / k] });
    zoomAt(pane, now, width / wide);
    [middle, wide] = [now, width];
  } };
}

function dragPoint(pane, app, { measure, index }) {
  app.select(measure);
  return { move(point) { measure.points[index] = pane.toImage(point); measure.isChanged = true; pane.redraw(); }, end: () => app.measured() };
}

// Press and drag for the first two points; each point that is then left is a press more.
function drawing(kind, pane, app, start) {
  const measure = { kind, points: [pane.toImage(start)], item: pane.shown, isChanged: true };
  const { points: most } = KINDS[kind];
  app.add(measure);
  const finish = () => { app.drawing = null; app.measured(); };
  if (most === 1) { finish(); return { move(point) { measure.points[0] = pane.toImage(point); pane.redraw(); } }; }
  let moved = false;
  app.drawing = {
    pane, measure,
    hover(point) { measure.points[measure.points.length - 1] = pane.toImage(point); pane.redraw(); },
    press(point) {
      this.hover(point);
      const isLast = measure.points.length >= most;
      if (!isLast) measure.points.push(pane.toImage(point));
      let isDragged = isLast;
      return {
        move: (next) => { if (Math.hypot(next[0] - point[0], next[1] - point[1]) > 3) isDragged = true; this.hover(next); },
        end: (last) => { this.hover(last); if (isDragged) this.fix(); },
      };
    },
    fix() {
      if (measure.points.length >= most) finish();
      else measure.points.push([...measure.points[measure.points.length - 1]]);
      pane.redraw();
    },
    cancel() { app.drawing = null; app.remove(measure); },
  };
  measure.points.push(pane.toImage(start));
  return {
    move(point) { if (Math.hypot(point[0] - start[0], point[1] - start[1]) > 3) moved = true; app.drawing?.hover(point); },
    end(point) { app.drawing?.hover(point); if (moved) app.drawing?.fix(); },
    cancel() { app.drawing?.cancel(); },
  };
}

function probe(pane, point) {
  if (!pane.shown) return;
  const place = pane.toImage(point);
  const value = pane.values ? valueAt(place, pane.shown, pane.values) : null, { unit } = meaningOf(pane.shown);
  pane.probe.textContent = value == null ? "" : `${Math.floor(place[0]) + 1}, ${Math.floor(place[1]) + 1}: ${pane.values.near ? "≈ " : ""}${Number.isInteger(value) ? value : round(value)} ${unit}`;
}
