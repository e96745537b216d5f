// What reports of others mark: shapes in a frame or in the patient, with what is said of them.

import { dot, minus, planeOf, toImage } from "./geometry.js";
import { label, stroke } from "./measures.js";
import { contourIn, gapOf, triples } from "./project.js";
import { _, el, round } from "./text.js";

const pairs = (flat) => Array.from({ length: Math.floor(flat.length / 2) }, (_, at) => flat.slice(2 * at, 2 * at + 2));
const middleOf = (points) => points[0].map((_, axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);

export class Marks {
  constructor(app, marks) {
    this.app = app;
    this.found = new Map(); // by frame what is in it
    this.marks = marks.map((mark) => ({ ...mark, lines: [mark.label, ...mark.words.map(({ name, value, unit }) => `${name} ${round(value)} ${unit.replace(/m([23])$/, (_whole, power) => `m${"²³"[power - 2]}`)}`.trim())].filter(Boolean) }));
  }

  paint(pane, context, ratio) {
    const item = pane.shown, style = getComputedStyle(pane.element), ink = style.getPropertyValue("--other").trim(), active = style.getPropertyValue("--active").trim();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const { mark, lines } of this.on(item, pane.stack.items)) {
      const path = new Path2D(), points = [], colour = mark === this.chosen ? active : ink;
      for (const line of lines) {
        const shown = line.map((point) => pane.toScreen(point));
        points.push(...shown);
        if (shown.length === 1) { const [x, y] = shown[0]; path.moveTo(x - 7, y); path.lineTo(x + 7, y); path.moveTo(x, y - 7); path.lineTo(x, y + 7); }
        else shown.forEach((point, at) => path[at ? "lineTo" : "moveTo"](...point));
      }
      stroke(context, path, colour);
      const [x, y] = points.reduce((most, point) => (point[0] > most[0] ? point : most));
      label(context, mark.lines, x + 8, y - 6, colour);
    }
  }

  on(item, items) {
    const key = `${item.key} ${items.length}`;
    if (!this.found.has(key)) {
      const plane = planeOf(item), half = plane ? gapOf(items, item, plane, planeOf) / 2 : 0;
      this.found.set(key, this.marks.map((mark) => ({ mark, lines: mark.shapes.flatMap((shape) => this.linesIn(shape, item, plane, half)) })).filter(({ lines }) => lines.length));
    }
    return this.found.get(key);
  }

  // A shape as lines of points in image coordinates, as far as it is in the frame; a line of one point is a cross.
  linesIn({ type, points, place, reference }, item, plane, half) {
    if (place) return place.uid === item.uid && place.frame === item.frame ? outline(type, pairs(points)) : [];
    if (!plane || (reference && item.reference && reference !== item.reference)) return [];
    const there = triples(points);
    if (type === "ELLIPSOID") return there.length === 6 ? ellipsoidIn(plane, there) : [];
    if (type === "ELLIPSE") return contourIn(plane, ellipse(there), { isClosed: true, half });
    const isClosed = type === "POLYGON";
    const line = isClosed ? [...there, there[0]] : there;
    return type.endsWith("POINT") ? there.flatMap((point) => contourIn(plane, [point], { half })) : contourIn(plane, line, { isClosed, half });
  }

  // The frame in which a mark is, or is nearest to; null if it is not in these.
  placeOf(mark, items) {
    const [shape] = mark.shapes;
    if (shape.place) return items.find(({ uid, frame }) => uid === shape.place.uid && frame === shape.place.frame) ?? null;
    const middle = middleOf(triples(shape.points));
    let best = null, least = Infinity;
    for (const item of items) {
      const plane = planeOf(item);
      if (!plane || (shape.reference && item.reference && shape.reference !== item.reference)) continue;
      const away = Math.abs(dot(minus(middle, plane.position), plane.normal));
      if (away < least) [best, least] = [item, away];
    }
    return best;
  }

  entries() {
    return this.marks.map((mark) => el("li", {}, el("button", { type: "button", onclick: () => this.goTo(mark) },
      el("span", {}, el("b", {}, mark.label || _("Marked in a report")), el("small", {}, mark.lines.slice(mark.label ? 1 : 0).join(", "))))));
  }
  async goTo(mark) {
    const { app } = this, pane = app.active;
    let item = this.placeOf(mark, pane.stack?.items ?? []);
    if (!item && mark.shapes[0].place) {
      const found = await (await import("./keep.js")).find(app, app.opened, mark.shapes[0].place);
      if (found) { await app.open(pane, app.opened, found.series); item = this.placeOf(mark, pane.stack.items); }
    }
    if (!item) { app.tell(_("What it shows is not here.")); return; }
    this.chosen = mark;
    await pane.show(pane.stack.items.indexOf(item));
    pane.redraw();
  }
}

function outline(type, points) {
  if (type === "POINT" || type === "MULTIPOINT") return points.map((point) => [point]);
  if (type === "ELLIPSE") return points.length === 4 ? [ellipse(points)] : [];
  if (type === "CIRCLE" && points.length === 2) {
    const [[x, y], [u, v]] = points, radius = Math.hypot(u - x, v - y);
    return [turns((cosine, sine) => [x + radius * cosine, y + radius * sine])];
  }
  return points.length ? [points] : [];
}

// By the ends of its axes (PS3.3 Section C.18.6.1.2).
function ellipse(points) {
  const middle = middleOf(points), [a, b] = [0, 2].map((at) => minus(points[at + 1], points[at]).map((value) => value / 2));
  return turns((cosine, sine) => middle.map((value, axis) => value + cosine * a[axis] + sine * b[axis]));
}
const turns = (at) => Array.from({ length: 73 }, (_, step) => at(Math.cos(step * Math.PI / 36), Math.sin(step * Math.PI / 36)));

// Where a plane cuts an ellipsoid: along rays in the plane from where its middle is projected to.
function ellipsoidIn(plane, points) {
  const middle = middleOf(points), axes = [0, 2, 4].map((at) => minus(points[at + 1], points[at]).map((value) => value / 2));
  const share = (vector) => axes.map((axis) => dot(vector, axis) / dot(axis, axis));
  const height = dot(minus(middle, plane.position), plane.normal), foot = middle.map((value, axis) => value - height * plane.normal[axis]);
  const start = share(minus(foot, middle)), c = dot(start, start) - 1;
  if (c >= 0) return [];
  return [turns((cosine, sine) => {
    const ray = plane.row.map((value, axis) => cosine * value + sine * plane.column[axis]), step = share(ray);
    const a = dot(step, step), b = dot(step, start), t = (-b + Math.sqrt(b * b - a * c)) / a;
    return toImage(plane, foot.map((value, axis) => value + t * ray[axis]));
  })];
}
