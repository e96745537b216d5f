// A pane: one stack of frames, one of them shown, how it is shown, and what is written around it.

import { apply, areParallel, aspectOf, cutOf, depthOf, invert, markers, matrixOf, planeOf, scaleOf } from "./geometry.js";
import * as frames from "./frames.js";
import { draw as drawMeasure, label, numbersOf, stroke, wordsOf } from "./measures.js";
import { _, dateOf, el, round } from "./text.js";
import { meaningOf, paint, tableOf, usualWindow, windowOf } from "./window.js";

const IDLE_MS = 180, LOSSLESS_MS = 900, FAST = 1_000_000, PATIENCE_S = 8;
const fresh = () => ({ zoom: 1, pan: [0, 0], quarters: 0, isFlipped: false, isInverse: false });

export class Pane {
  constructor(app) {
    this.app = app;
    this.stack = null;
    this.index = 0;
    this.view = fresh();
    this.window = null; // chosen by hand or preset; null: the object's own
    this.direction = 1;
    this.canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": _("Series") });
    this.corners = ["tl", "tr", "bl", "br"].map((name) => el("div", { class: `corner ${name}` }));
    this.edges = ["left", "top", "right", "bottom"].map((name) => el("span", { class: `edge ${name}`, "aria-hidden": "true" }));
    this.badge = el("button", { class: "badge", type: "button", title: _("Load the lossless frame (L)"), onclick: () => this.wantLossless() });
    this.probe = el("span", { class: "probe" });
    this.message = el("p", { class: "message", role: "status" });
    this.element = el("section", { class: "pane" }, this.canvas, ...this.corners, ...this.edges, this.message);
    this.surface = document.createElement("canvas");
    new ResizeObserver(() => { this.resize(); this.draw(); }).observe(this.element);
  }

  get item() { return this.stack?.items[this.index] ?? null; }
  get size() { return [this.element.clientWidth, this.element.clientHeight]; }
  get matrix() { const one = this.shown ?? this.item; return matrixOf(this.view, [one.columns, one.rows], aspectOf(one), this.size); }
  // Shown by its VOI LUT, which the server applies; a window chosen here takes its place.
  isByCurve(item = this.item) { return Boolean(item?.curve && !this.window && frames.hasDepth(item)); }
  get values() {
    if (this.shown?.key !== this.item?.key) return null;
    return this.found?.values ? this.found : this.beneath?.key === this.item?.key ? this.beneath.found : null;
  }
  toImage(point) { return apply(invert(this.matrix), point); }
  toScreen(point) { return apply(this.matrix, point); }

  async open(stack, header, index = Math.floor(stack.items.length / 2)) {
    this.stop();
    Object.assign(this, { stack, header, view: fresh(), window: null, shown: null, found: null, index: -1, offset: null, home: null });
    this.message.textContent = "";
    if (!stack.items.length) { this.app.openOther(this, stack); this.write(); this.redraw(); return; }
    for (const one of this.element.querySelectorAll(".other, .leave, .turn")) one.remove();
    await this.show(index);
  }

  // Goes to a frame; `silent`: other panes do not follow.
  show(index, silent = false) {
    if (!this.stack?.items.length) return Promise.resolve();
    index = Math.max(0, Math.min(this.stack.items.length - 1, index));
    if (index === this.index && this.shown) return Promise.resolve();
    if (this.index >= 0) this.direction = Math.sign(index - this.index) || this.direction;
    this.index = index;
    if (this.home && this.hung === JSON.stringify(this.view)) this.goHome();
    const done = this.bring();
    this.ahead();
    if (!silent) this.app.moved(this);
    return done;
  }

  // What should be on the line for the frame: what is best of what is here is shown at once.
  async bring() {
    const item = this.item, target = this.index;
    clearTimeout(this.timer);
    const deep = this.isByCurve(item) ? [frames.pictureOf(item)] : [frames.valuesOf(item, 3), frames.valuesOf(item, 2)];
    const best = deep.map(frames.here).find(Boolean);
    if (best) this.take(item, best);
    else {
      const preview = this.preview(item);
      const found = frames.here(preview);
      if (found) this.take(item, found);
      else {
        this.element.setAttribute("aria-busy", "true");
        await frames.load(preview).then(
          (one) => { if (target === this.index && item === this.item) this.take(item, one); },
          (error) => { if (error.name !== "AbortError") this.say(error.message); });
      }
    }
    if (item === this.item && !this.cine) this.timer = setTimeout(() => this.deepen(item), IDLE_MS);
  }

  preview(item, side = Math.max(...this.size) * Math.min(2, devicePixelRatio) * Math.min(4, this.view.zoom)) {
    return frames.previewOf(item, this.side ?? side, this.window && frames.hasDepth(item) ? this.window : null);
  }

  // Depth once nothing else is asked for; what the line can bring in time also without loss.
  async deepen(item, isLossless = false) {
    const isByCurve = this.isByCurve(item), wanted = isByCurve ? frames.pictureOf(item) : frames.valuesOf(item, isLossless ? 3 : 2);
    const rateNow = () => frames.line.bytesPerSecond || frames.line.flow, rate = rateNow(), most = item.rows * item.columns * (item.samples ?? 1) * 0.6;
    if (!isLossless && wanted.tier === 3 && rate && most / rate > PATIENCE_S) return;
    try {
      const found = await frames.load(wanted, isLossless ? 0 : 1);
      if (item !== this.item) return;
      this.take(item, found);
      if (isByCurve) { // values to measure, under the picture
        this.beneath = { key: item.key, found: await frames.load(frames.valuesOf(item, 3), isLossless ? 0 : 2) };
        if (item === this.item) { this.redraw(); this.app.drawn(this); }
        return;
      }
      const isPatient = !rateNow() || found.bytes * 0.3 / rateNow() < PATIENCE_S;
      if (found.tier < 3 && isPatient) this.timer = setTimeout(() => item === this.item && this.deepen(item, true), LOSSLESS_MS);
    } catch (error) {
      if (error.name !== "AbortError") this.say(error.message);
    }
  }
  wantLossless() { if (this.item) this.deepen(this.item, true); }

  take(item, found) {
    if (found.picture && this.found?.values && this.shown === item && found.tier < this.found.tier) return;
    Object.assign(this, { shown: item, found, isPainted: false });
    this.element.removeAttribute("aria-busy");
    this.message.textContent = "";
    this.redraw();
    this.app.drawn(this);
  }

  ahead() {
    if (this.cine) return;
    const isFast = frames.line.bytesPerSecond > FAST, wanted = [];
    for (const step of [1, 2, 3, 4, 5, 6, -1, -2]) {
      const item = this.stack.items[this.index + step * this.direction];
      if (!item || [2, 3].some((tier) => frames.here(frames.valuesOf(item, tier)))) continue;
      wanted.push([this.preview(item), 1 + Math.abs(step)]);
      if (isFast && frames.hasDepth(item) && Math.abs(step) < 4) wanted.push([frames.valuesOf(item, 2), 10 + Math.abs(step)]);
    }
    frames.letGo(wanted.map(([one]) => one));
    for (const [one, urgency] of wanted) frames.load(one, urgency);
  }

  currentWindow() {
    const one = this.shown ?? this.item;
    if (!this.window && one?.curve && !this.values) return null;
    return this.window ?? (one && windowOf(one)) ?? (this.values ? usualWindow(this.values.values, one) : null);
  }
  setWindow(window) {
    this.window = window;
    this.isPainted = false;
    const item = this.item;
    if (item && !this.found?.values) {
      clearTimeout(this.asking);
      this.asking = setTimeout(() => {
        frames.load(this.preview(item)).then((one) => { if (item === this.item && !this.found?.values) this.take(item, one); }, () => {});
        if (frames.hasDepth(item)) this.deepen(item);
      }, 60);
    }
    this.redraw();
  }
  change(view) { Object.assign(this.view, view); this.redraw(); }
  // How it is hung, where it is; it follows the size of the pane until somebody moves it.
  goHome() {
    if (!this.home || !this.item) return;
    Object.assign(this.view, this.home());
    this.hung = JSON.stringify(this.view);
    this.redraw();
  }
  clear(text) {
    this.stop();
    Object.assign(this, { stack: null, header: null, shown: null, found: null, index: -1, home: null });
    for (const part of [...this.corners, ...this.edges]) part.replaceChildren();
    this.say(text);
    this.redraw();
  }
  reset() { this.view = fresh(); this.goHome(); this.setWindow(null); this.isPainted = false; this.bring(); }
  say(text) { this.message.textContent = text; this.element.removeAttribute("aria-busy"); }

  resize() {
    const ratio = devicePixelRatio;
    const [width, height] = this.size.map((side) => Math.max(1, Math.round(side * ratio)));
    if (this.canvas.width === width && this.canvas.height === height) return;
    Object.assign(this.canvas, { width, height });
    if (this.home && this.hung === JSON.stringify(this.view)) for (const one of this.app.panes) one.goHome();
  }
  redraw() { this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); }); }

  source() {
    if (!this.found?.values) return this.found?.picture ?? null;
    if (!this.isPainted) {
      const { values, least, most, columns, rows } = this.found;
      const context = this.surface.getContext("2d", { alpha: false });
      if (this.surface.width !== columns || this.surface.height !== rows) {
        Object.assign(this.surface, { width: columns, height: rows });
        this.pixels = null;
      }
      this.pixels ??= context.createImageData(columns, rows);
      paint(values, tableOf(this.shown, this.currentWindow(), this.view.isInverse, least, most), least, this.pixels);
      context.putImageData(this.pixels, 0, 0);
      this.isPainted = true;
    }
    return this.surface;
  }

  draw() {
    const context = this.canvas.getContext("2d"), ratio = devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const source = this.shown && this.source();
    if (source) {
      const m = this.matrix.map((value) => value * ratio);
      context.imageSmoothingQuality = "high";
      context.setTransform(...m);
      // Previews come as they are; values were inverted by their table.
      context.filter = this.view.isInverse && !this.found.values ? "invert(1)" : "none";
      context.drawImage(source, 0, 0, this.shown.columns, this.shown.rows);
      context.filter = "none";
    }
    if (source) for (const one of this.app.over) one.paint(this, context, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.shown) this.overlay(context);
    this.write();
  }

  overlay(context) {
    const style = getComputedStyle(this.element), ink = style.getPropertyValue("--mark").trim(), active = style.getPropertyValue("--active").trim();
    const at = (point) => this.toScreen(point);
    for (const cut of this.app.cuts(this)) {
      const path = new Path2D();
      path.moveTo(...at(cut[0]));
      path.lineTo(...at(cut[1]));
      context.setLineDash([6, 5]);
      stroke(context, path, style.getPropertyValue("--cut").trim(), 1);
      context.setLineDash([]);
    }
    for (const measure of this.app.measuresOf(this.shown)) {
      const isActive = measure === this.app.chosen;
      drawMeasure(context, measure, at, wordsOf(numbersOf(measure, this.shown, this.values)), isActive, isActive ? active : ink);
    }
    this.ruler(context, ink);
    if (this.glass) this.magnify(context, this.glass, ink);
  }

  // A bar of a round length; none where the size of pixels is not known in the patient.
  ruler(context, ink) {
    const scale = scaleOf(this.shown);
    if (!scale.isTrue || scale.unit !== "mm") return;
    const m = this.matrix, perMm = Math.hypot(m[0], m[1]) / scale.x, [width, height] = this.size;
    const length = [200, 100, 50, 20, 10, 5, 2, 1].find((mm) => mm * perMm < Math.min(240, width * 0.3));
    if (!length) return;
    const long = length * perMm, x = (width - long) / 2, y = height - 40, path = new Path2D();
    path.moveTo(x, y - 5); path.lineTo(x, y); path.lineTo(x + long, y); path.lineTo(x + long, y - 5);
    stroke(context, path, ink, 1.5);
    label(context, [length >= 10 ? `${length / 10} cm` : `${length} mm`], x + long + 6, y + 4, ink);
  }

  magnify(context, [x, y], ink) {
    const source = this.source(), radius = 85, m = this.matrix;
    context.save();
    const circle = new Path2D();
    circle.arc(x, y, radius, 0, 7);
    context.clip(circle);
    context.fillStyle = "#000";
    context.fill(circle);
    context.translate(x, y);
    context.scale(2.5, 2.5);
    context.translate(-x, -y);
    context.transform(...m);
    context.drawImage(source, 0, 0, this.shown.columns, this.shown.rows);
    context.restore();
    stroke(context, circle, ink, 1);
  }

  // The texts around the picture.
  write() {
    const item = this.shown, { header } = this;
    if (!header) return;
    const [tl, tr, bl, br] = this.corners;
    const patient = header.patient ?? {};
    lines(tl, [patient.name, [patient.id, dateOf(patient.birth), patient.sex]]);
    lines(tr, [header.study.description, [dateOf(header.study.date), header.isPrior ? _("prior") : ""], header.series?.description]);
    if (!item) {
      lines(bl, []);
      br.replaceChildren();
      this.canvas.setAttribute("aria-label", header.series?.description || header.series?.modality || _("Series"));
      return;
    }
    const edges = markers(item, this.view.quarters, this.view.isFlipped);
    this.edges.forEach((edge, side) => { edge.textContent = edges[side]; });
    const window = this.currentWindow(), plane = planeOf(item), { unit } = meaningOf(item);
    const side = item.laterality || item.view ? [item.laterality, item.view].filter(Boolean).join(" ") : "";
    lines(bl, [
      item.note,
      side,
      `${this.stack.items.indexOf(item) + 1} / ${this.stack.items.length}`,
      plane ? `${depthOf(plane).toFixed(1)} mm${item.thickness ? ` · ${round(item.thickness)} mm ${_("thick")}` : ""}` : "",
      this.isByCurve(item) ? "VOI LUT" : window && frames.hasDepth(item) ? `W ${brief(window.width)}  L ${brief(window.center)}${unit ? ` ${unit}` : ""}` : "",
    ]);
    bl.append(this.probe);
    const tier = frames.TIERS[this.found.tier];
    const name = tier === "near" ? `${_("near-lossless")} ±${this.found.near}` : tier === "lossless" ? (frames.hasDepth(item) || item.samples > 1 ? _(item.lossy ? "as stored (lossy)" : "lossless") : _("full size")) : _("preview");
    this.badge.dataset.tier = tier;
    this.badge.textContent = name;
    this.badge.setAttribute("aria-label", `${_("Shown")}: ${name}. ${tier === "lossless" ? "" : _("Load the lossless frame")}`);
    if (this.badge.parentNode !== br) br.replaceChildren(el("span", { class: "scale" }), this.badge);
    const m = this.matrix, zoom = Math.hypot(m[0], m[1]) * devicePixelRatio;
    br.firstChild.textContent = `${Math.round(zoom * 100)} %`;
    this.canvas.setAttribute("aria-label", `${header.series?.description || header.series?.modality || ""}, ${_("frame")} ${this.stack.items.indexOf(item) + 1} ${_("of")} ${this.stack.items.length}`);
    this.element.dataset.key = item.key;
    this.element.dataset.tier = tier;
  }

  async play() {
    if (this.cine || !this.stack || this.stack.items.length < 2) return;
    const { Cine } = await import("./cine.js");
    clearTimeout(this.timer);
    frames.letGo();
    this.cine ??= new Cine(this);
    this.app.update();
  }
  stop() {
    if (!this.cine) return;
    this.cine.stop();
    this.cine = null;
    if (this.item) this.bring();
  }

  // Goes to the frame whose plane is nearest to a depth in the patient.
  showDepth(depth, normal) {
    const items = this.stack?.items ?? [];
    let best = -1, least = Infinity;
    items.forEach((item, index) => {
      const plane = planeOf(item);
      const away = plane ? Math.abs(depthOf(plane, normal) - depth) : Infinity;
      if (away < least) [least, best] = [away, index];
    });
    if (best >= 0) this.show(best, true);
  }
}

export function cutsOf(pane, others) {
  const plane = pane.shown && planeOf(pane.shown);
  if (!plane) return [];
  return others.flatMap((other) => {
    const there = other !== pane && other.shown && planeOf(other.shown);
    if (!there || other.shown.reference !== pane.shown.reference || areParallel(plane, there)) return [];
    const cut = cutOf(plane, [pane.shown.columns, pane.shown.rows], there, [other.shown.columns, other.shown.rows]);
    return cut ? [cut] : [];
  });
}

const brief = (value) => (Number.isInteger(value) ? String(value) : round(value));
// Texts below each other; those of a list beside each other, each in its own direction.
const lines = (corner, texts) => corner.replaceChildren(...texts.map((text) => [text].flat().filter(Boolean)).filter((parts) => parts.length)
  .map((parts) => el("div", {}, ...parts.flatMap((part, at) => [at ? " · " : null, el("bdi", {}, part)]))));
