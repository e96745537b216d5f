// What others drew over pictures: segmentations and structure sets, each in a layer that can be seen through.

import { areParallel, depthOf, dot, planeOf, toPatient } from "./geometry.js";
import { between, contourIn, gapOf, product, triples } from "./project.js";
import { ask } from "./series.js";
import { _, el, styled } from "./text.js";

styled(new URL("./others.css", import.meta.url).href);

const BATCH = 32, KEPT = 24, FILL = 105, AHEAD = 2;
const CLOSED = new Set(["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"]);
const isOne = (a, b) => !a || !b || a === b;

// A frame that a layer has nothing in is told by an empty list, which is kept as well.
class Layer {
  constructor(app, instance, said) {
    Object.assign(this, { app, instance, said, isOn: true, opacity: 0.7, hidden: new Set(), found: new Map() });
  }
  get parts() { return this.said.segments ?? this.said.regions; }
  on(item, items) {
    if (!this.found.has(item.key)) this.found.set(item.key, this.find(item, items) ?? []);
    return this.found.get(item.key);
  }
}

class Segments extends Layer {
  runs = new Map();
  asked = new Set();
  pictures = new Map();
  #planes = this.said.frames.map(({ position, orientation }) =>
    planeOf({ position, orientation: orientation ?? this.said.orientation, spacing: this.said.spacing?.length ? this.said.spacing : null }));

  // The frames that belong to a slice: those in its plane, else those that were made of it.
  find(item, items) {
    const { said } = this, plane = planeOf(item), near = new Map();
    if (plane && isOne(said.reference, item.reference)) {
      const half = (said.gap || gapOf(items, item, plane, planeOf)) / 2 + 0.01;
      said.frames.forEach(({ segment }, index) => {
        const there = this.#planes[index];
        if (!there || !areParallel(plane, there)) return;
        const away = Math.abs(depthOf(there, plane.normal) - depthOf(plane));
        if (away > half || away >= (near.get(segment)?.away ?? Infinity)) return;
        near.set(segment, { away, index, segment, matrix: between(there, plane, toPatient) });
      });
    }
    if (near.size) return [...near.values()];
    const scale = [item.columns / said.columns, 0, 0, item.rows / said.rows, 0, 0];
    return said.frames.flatMap(({ segment, source, frame }, index) =>
      source >= 0 && said.sources[source] === item.uid && (!frame || frame === item.frame) ? [{ index, segment, matrix: scale }] : []);
  }

  // Asks for the frames that are not here, those of a batch together.
  need(indexes) {
    for (const index of indexes) {
      const batch = Math.floor(index / BATCH);
      if (this.runs.has(index) || this.asked.has(batch)) continue;
      this.asked.add(batch);
      this.bring(batch * BATCH, Math.min(BATCH, this.said.frames.length - batch * BATCH)).catch((error) => this.app.tell(error.message));
    }
  }
  async bring(first, count) {
    const { study, uid, digest } = this.instance;
    const answer = await fetch(`/view/${study}/drawn/${uid}/runs?first=${first + 1}&count=${count}&v=${digest}`);
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? `${answer.status}`);
    const given = +answer.headers.get("frame-count"), body = await answer.arrayBuffer(), view = new DataView(body);
    for (let index = 0, at = 0; index < given; index++) {
      const length = view.getUint32(at, true), from = at + 4;
      this.runs.set(first + index, { lengths: new Uint16Array(body.slice(from, from + 2 * length)), values: new Uint16Array(body.slice(from + 2 * length, from + 4 * length)) });
      at = from + 4 * length;
    }
    this.pictures.clear();
    for (const pane of this.app.panes) pane.redraw();
    if (given && given < count) await this.bring(first + given, count - given);
  }

  paint(pane, context, ratio) {
    const { items } = pane.stack, there = this.on(pane.shown, items);
    const at = items.indexOf(pane.shown);
    this.need(there.map(({ index }) => index));
    for (const item of items.slice(Math.max(0, at - AHEAD), at + AHEAD + 1)) if (there.length) this.need(this.on(item, items).map(({ index }) => index));
    const seen = there.filter(({ index, segment }) => this.runs.has(index) && !this.hidden.has(segment));
    if (!seen.length) return;
    context.globalAlpha = this.opacity;
    context.imageSmoothingEnabled = false;
    for (const { matrix, picture } of this.picturesOf(pane.shown.key, seen)) {
      context.setTransform(...product(pane.matrix.map((value) => value * ratio), matrix));
      context.drawImage(picture, 0, 0);
    }
    context.globalAlpha = 1;
    context.imageSmoothingEnabled = true;
  }

  // One picture of all frames that lie on the slice in the same way.
  picturesOf(key, seen) {
    if (!this.pictures.has(key)) {
      const groups = new Map();
      for (const one of seen) groups.set(String(one.matrix), [...groups.get(String(one.matrix)) ?? [], one]);
      this.pictures.set(key, [...groups.values()].map((group) => ({ matrix: group[0].matrix, picture: this.picture(group) })));
      if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value);
    }
    return this.pictures.get(key);
  }
  picture(group) {
    const { rows, columns, type, most = 1 } = this.said, picture = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    const context = picture.getContext("2d"), pixels = context.createImageData(columns, rows), out = new Uint32Array(pixels.data.buffer);
    const colours = new Map(this.said.segments.map(({ number, colour: [r, g, b] }) => [number, b << 16 | g << 8 | r]));
    for (const { index, segment } of group) {
      const { lengths, values } = this.runs.get(index), cells = new Uint16Array(rows * columns);
      for (let run = 0, at = 0; run < lengths.length; at += lengths[run++]) if (values[run]) cells.fill(values[run], at, at + lengths[run]);
      for (let run = 0, at = 0; run < lengths.length; at += lengths[run++]) {
        const value = values[run], number = segment || value;
        if (!value || this.hidden.has(number)) continue;
        const colour = colours.get(number) ?? 0xffffff, end = at + lengths[run];
        if (type === "FRACTIONAL") { out.fill((Math.round(255 * Math.min(1, value / most)) << 24 | colour) >>> 0, at, end); continue; }
        for (let cell = at; cell < end; cell++) {
          const column = cell % columns;
          const isEdge = !column || column === columns - 1 || cells[cell - 1] !== value || cells[cell + 1] !== value || cells[cell - columns] !== value || cells[cell + columns] !== value;
          out[cell] = ((isEdge ? 255 : FILL) << 24 | colour) >>> 0;
        }
      }
    }
    context.putImageData(pixels, 0, 0);
    return picture;
  }
  changed() { this.pictures.clear(); }

  // A slice in which a segment is, the middle one of them.
  placeOf(number, items) {
    const isLabelMap = this.said.type === "LABELMAP";
    const own = this.said.frames.map((frame, index) => ({ ...frame, index })).filter(({ segment, index }) =>
      number == null || (isLabelMap ? this.runs.get(index)?.values.includes(number) : segment === number));
    const wanted = new Set(own.map(({ index }) => index));
    const there = items.filter((item) => this.on(item, items).some(({ index }) => wanted.has(index)));
    return there[Math.floor(there.length / 2)];
  }
}

class Structures extends Layer {
  #contours = this.said.regions.map(({ contours = [] }) => contours.map(({ type, points, source }) => {
    const whole = points.slice();
    for (let at = 3; at < whole.length; at++) whole[at] += whole[at - 3];
    return { type, source, points: triples(whole.map((value) => value / 100)) };
  }));

  // How far each contour reaches along a direction: reckoned once for all slices of a stack.
  #reaches = new Map();
  reaches(normal) {
    const key = normal.map((value) => value.toFixed(4)).join();
    if (!this.#reaches.has(key)) this.#reaches.set(key, this.#contours.map((contours) => contours.map(({ points }) => points.reduce(
      ([low, high], point) => { const at = dot(point, normal); return [Math.min(low, at), Math.max(high, at)]; }, [Infinity, -Infinity]))));
    return this.#reaches.get(key);
  }

  find(item, items) {
    const plane = planeOf(item);
    if (!plane) return [];
    const half = gapOf(items, item, plane, planeOf) / 2, reaches = this.reaches(plane.normal), depth = depthOf(plane);
    return this.said.regions.flatMap((region, index) => {
      if (!isOne(region.reference, item.reference)) return [];
      const outline = new Path2D(), inside = new Path2D();
      let count = 0;
      for (const [at, { type, points }] of this.#contours[index].entries()) {
        const [low, high] = reaches[index][at];
        if (low > depth + half + 0.02 || high < depth - half - 0.02) continue;
        const isClosed = CLOSED.has(type);
        for (const line of contourIn(plane, points, { isClosed, half })) {
          count++;
          if (line.length === 1) { cross(outline, line[0], plane); continue; }
          for (const path of isClosed && line.length > 2 ? [outline, inside] : [outline]) {
            line.forEach((point, step) => path[step ? "lineTo" : "moveTo"](...point));
            if (isClosed && line.length > 2) path.closePath();
          }
        }
      }
      return count ? [{ region, outline, inside }] : [];
    });
  }

  paint(pane, context, ratio) {
    const [a, b, c, d, e, f] = pane.matrix.map((value) => value * ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = this.opacity;
    for (const { region, outline, inside } of this.on(pane.shown, pane.stack.items)) {
      if (this.hidden.has(region.number)) continue;
      const [line, area] = [outline, inside].map((path) => { const shown = new Path2D(); shown.addPath(path, { a, b, c, d, e, f }); return shown; });
      context.fillStyle = `rgb(${region.colour} / 18%)`.replaceAll(",", " ");
      context.fill(area, "evenodd");
      context.lineWidth = 2 * ratio;
      context.strokeStyle = `rgb(${region.colour})`;
      context.stroke(line);
    }
    context.globalAlpha = 1;
  }
  changed() {}

  placeOf(number, items) {
    const there = items.filter((item) => this.on(item, items).some(({ region }) => number == null || region.number === number));
    return there[Math.floor(there.length / 2)];
  }
}

function cross(path, [x, y], { spacing }) {
  const dx = 3 / spacing[1], dy = 3 / spacing[0];
  path.moveTo(x - dx, y); path.lineTo(x + dx, y); path.moveTo(x, y - dy); path.lineTo(x, y + dy);
}

// The layers of a page, and the list of what is in them.
export class Layers {
  constructor(app) { Object.assign(this, { app, layers: new Map(), isOn: true }); }

  paint(pane, context, ratio) {
    if (this.isOn && pane.stack) for (const layer of this.layers.values()) if (layer.isOn) layer.paint(pane, context, ratio);
  }
  redraw() { for (const pane of this.app.panes) pane.redraw(); }
  toggle() { this.isOn = !this.isOn; this.redraw(); }

  // Loads what a series draws, shows what it is drawn on, and goes to where something of it is; pressed again, hides it.
  async lay(pane, opened, stack) {
    const before = stack.others.map(({ uid }) => this.layers.get(uid)).filter(Boolean);
    if (before.length) { const isOn = !before.every((layer) => layer.isOn); for (const layer of before) layer.isOn = isOn; }
    this.isOn = true;
    for (const instance of stack.others.filter(({ uid }) => !this.layers.has(uid))) {
      const said = await ask(`/view/${stack.study}/drawn/${instance.uid}?v=${instance.digest}`);
      this.layers.set(instance.uid, new (said.kind === "SEG" ? Segments : Structures)(this.app, instance, said));
    }
    const layer = this.layers.get(stack.others[0].uid);
    await this.beneath(pane, opened, layer);
    this.app.toggleList(this.app.isListed || matchMedia("(min-width: 60rem)").matches);
    this.redraw();
  }
  async beneath(pane, opened, layer) {
    const isThere = () => pane.stack?.items.length && layer.placeOf(null, pane.stack.items);
    if (!isThere()) {
      const named = new Set(layer.said.series), known = opened.series.find(({ uid }) => named.has(uid));
      if (known) await this.app.open(pane, opened, known.uid);
      if (!isThere()) { this.app.tell(`${layer.said.title}: ${_("what it is drawn on is not in this study.")}`); return; }
    }
    if (!layer.on(pane.item, pane.stack.items).length) this.goTo(layer, null, pane);
  }
  goTo(layer, number, pane = this.app.active) {
    const item = layer.placeOf(number, pane.stack?.items ?? []);
    if (item) pane.show(pane.stack.items.indexOf(item));
  }

  panel() {
    if (!this.layers.size) return [];
    return [el("h2", {}, _("Drawn over the pictures")), ...[...this.layers.values()].map((layer) => this.section(layer))];
  }
  section(layer) {
    const { said } = layer, change = (act) => { act(); layer.changed(); this.redraw(); };
    const box = (isOn, label, act, ...children) => el("label", {}, el("input", { type: "checkbox", checked: isOn, "aria-label": label, onchange: (event) => change(() => act(event.target.checked)) }), ...children);
    const parts = layer.parts.map(({ number, label, colour, kind }) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = `rgb(${colour})`;
      return el("li", {}, box(!layer.hidden.has(number), label, (isOn) => { if (isOn) layer.hidden.delete(number); else layer.hidden.add(number); }, swatch),
        el("button", { type: "button", title: kind && kind !== label ? kind : null, onclick: () => this.goTo(layer, number) }, el("span", {}, label)));
    });
    return el("section", { class: "layer" },
      box(layer.isOn, said.title || said.kind, (isOn) => { layer.isOn = isOn; this.isOn ||= isOn; }, el("b", {}, said.title || said.kind)),
      el("label", { class: "through" }, el("small", {}, _("Opacity")), el("input", { type: "range", min: 0, max: 100, value: Math.round(layer.opacity * 100), oninput: (event) => { layer.opacity = event.target.value / 100; this.redraw(); } })),
      el("ul", {}, ...parts));
  }
}
