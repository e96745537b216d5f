// What can be measured: for each kind how many points it has, what it says, and how it is drawn. Points are in image
// coordinates.

import { angleAt, distance, scaleOf } from "./geometry.js";
import { _, round } from "./text.js";
import { meaningOf } from "./window.js";

export const KINDS = {
  length: { points: 2, name: "Length" },
  angle: { points: 3, name: "Angle" },
  bidirectional: { points: 4, name: "Bidirectional" },
  ellipse: { points: 2, name: "Ellipse" },
  rectangle: { points: 2, name: "Rectangle" },
  point: { points: 1, name: "Value" },
};

// The numbers of a measurement: {length, angle, area, mean, sd, ...} with `unit` of lengths, `valueUnit` of values.
export function numbersOf(measure, item, values) {
  const { kind, points } = measure, scale = scaleOf(item, points);
  const found = { unit: scale.unit, isTrue: scale.isTrue, note: scale.note, valueUnit: meaningOf(item).unit, isRough: Boolean(values?.near) };
  if (points.length < KINDS[kind].points) return found;
  if (kind === "length") found.length = distance(scale, points[0], points[1]);
  else if (kind === "angle") {
    const isSquare = scale.unit === "mm" ? scale : { x: 1, y: item.spacing ? item.spacing[0] / item.spacing[1] : 1 };
    found.angle = angleAt(isSquare, ...points);
  } else if (kind === "bidirectional") {
    const one = distance(scale, points[0], points[1]), other = distance(scale, points[2], points[3]);
    found.long = Math.max(one, other);
    found.short = Math.min(one, other);
  } else if (kind === "point") {
    found.value = valueAt(points[0], item, values);
  } else {
    const [width, height] = [0, 1].map((axis) => Math.abs(points[0][axis] - points[1][axis]));
    found.area = width * scale.x * height * scale.y * (kind === "ellipse" ? Math.PI / 4 : 1);
    Object.assign(found, statistics(measure, item, values));
  }
  return found;
}

export function valueAt([x, y], item, values) {
  const column = Math.floor(x), row = Math.floor(y);
  if (!values || column < 0 || row < 0 || column >= item.columns || row >= item.rows) return null;
  const { slope, intercept } = meaningOf(item);
  return values.values[row * item.columns + column] * slope + intercept;
}

// Of the pixels whose centres lie within.
function statistics({ kind, points }, item, values) {
  if (!values) return {};
  const [x0, x1] = [points[0][0], points[1][0]].sort((a, b) => a - b), [y0, y1] = [points[0][1], points[1][1]].sort((a, b) => a - b);
  const { slope, intercept } = meaningOf(item), cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
  let count = 0, sum = 0, squares = 0, least = Infinity, most = -Infinity, first = null;
  for (let row = Math.max(0, Math.floor(y0)); row < Math.min(item.rows, Math.ceil(y1)); row++) {
    for (let column = Math.max(0, Math.floor(x0)); column < Math.min(item.columns, Math.ceil(x1)); column++) {
      const x = column + 0.5, y = row + 0.5;
      if (x < x0 || x > x1 || y < y0 || y > y1) continue;
      if (kind === "ellipse" && ((x - cx) / (x1 - x0) * 2) ** 2 + ((y - cy) / (y1 - y0) * 2) ** 2 > 1) continue;
      const value = values.values[row * item.columns + column] * slope + intercept;
      first ??= value;
      count++; sum += value - first; squares += (value - first) ** 2;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  if (!count) return {};
  const mean = sum / count;
  const sd = count > 1 ? Math.sqrt(Math.max(0, (squares - count * mean * mean) / (count - 1))) : 0;
  return { mean: first + mean, sd, count, least, most };
}

// What stands beside it, a line each.
export function wordsOf(numbers) {
  const { unit, note, valueUnit } = numbers, lines = [];
  const of = (value) => (value == null ? _("values are being loaded") : `${numbers.isRough ? "≈ " : ""}${round(value)}${valueUnit ? ` ${valueUnit}` : ""}`);
  if ("length" in numbers) lines.push(`${round(numbers.length)} ${unit}`);
  if ("long" in numbers) lines.push(`${round(numbers.long)} × ${round(numbers.short)} ${unit}`);
  if ("angle" in numbers) lines.push(`${numbers.angle.toFixed(1)}°`);
  if ("value" in numbers) lines.push(of(numbers.value));
  if ("area" in numbers) lines.push(`${round(numbers.area)} ${unit}²`);
  if ("mean" in numbers) lines.push(`${_("mean")} ${of(numbers.mean)}, ${_("SD")} ${round(numbers.sd)}`);
  if (note && !("value" in numbers) && lines.length) lines.push(_(note));
  return lines;
}

// Draws a measurement; `at` gives screen coordinates. Returns nothing.
export function draw(context, measure, at, lines, isActive, colour) {
  const points = measure.points.map(at);
  const path = new Path2D();
  const { kind } = measure;
  if (kind === "ellipse" && points.length === 2) {
    const corners = corner(measure.points).map(at);
    const middle = [(points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2];
    const across = Math.hypot(corners[1][0] - corners[0][0], corners[1][1] - corners[0][1]) / 2;
    const down = Math.hypot(corners[3][0] - corners[0][0], corners[3][1] - corners[0][1]) / 2;
    path.ellipse(...middle, across, down, Math.atan2(corners[1][1] - corners[0][1], corners[1][0] - corners[0][0]), 0, 7);
  } else if (kind === "rectangle" && points.length === 2) {
    corner(measure.points).map(at).forEach((point, index) => path[index ? "lineTo" : "moveTo"](...point));
    path.closePath();
  } else if (kind === "point") {
    const [x, y] = points[0];
    path.moveTo(x - 8, y); path.lineTo(x + 8, y); path.moveTo(x, y - 8); path.lineTo(x, y + 8);
  } else {
    const pairs = kind === "bidirectional" ? [[0, 1], [2, 3]] : kind === "angle" ? [[0, 1], [1, 2]] : [[0, 1]];
    for (const [a, b] of pairs) if (points[b]) { path.moveTo(...points[a]); path.lineTo(...points[b]); }
  }
  stroke(context, path, colour);
  for (const [x, y] of points) {
    if (kind === "point") continue;
    const end = new Path2D();
    if (isActive) end.arc(x, y, 5, 0, 7);
    else { end.moveTo(x - 3, y - 3); end.lineTo(x + 3, y + 3); end.moveTo(x - 3, y + 3); end.lineTo(x + 3, y - 3); }
    stroke(context, end, colour);
  }
  if (!points.length) return;
  const right = points.reduce((most, point) => (point[0] > most[0] ? point : most));
  label(context, lines, right[0] + 10, right[1] - 6, colour);
}
const corner = ([[x0, y0], [x1, y1]]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

export function stroke(context, path, colour, width = 1.5) {
  context.lineWidth = width + 2;
  context.strokeStyle = "#000a";
  context.stroke(path);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke(path);
}

export function label(context, lines, x, y, colour, align = "left") {
  const size = innerWidth >= 2560 ? 17 : 13, step = size + 3; // as what is written around the picture
  context.font = `500 ${size}px system-ui, sans-serif`;
  const width = Math.max(0, ...lines.map((text) => context.measureText(text).width));
  const ratio = context.getTransform().a || 1;
  const limit = context.canvas.width / ratio - width - 8, top = Math.max(14, Math.min(y, context.canvas.height / ratio - step * lines.length));
  x = align === "left" ? Math.max(4, Math.min(x, limit)) : x;
  context.textAlign = align;
  context.lineJoin = "round";
  lines.forEach((text, index) => {
    context.lineWidth = 3.5;
    context.strokeStyle = "#000c";
    context.strokeText(text, x, top + step * index);
    context.fillStyle = colour;
    context.fillText(text, x, top + step * index);
  });
}
