// Where things are. Image coordinates are in pixels of the frame from the outer corner of its first pixel: the centre
// of the first pixel is (0.5, 0.5). Patient coordinates are in mm: to the left, to the back, to the head.

export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const minus = (a, b) => a.map((value, axis) => value - b[axis]);
const along = (start, ...steps) => start.map((value, axis) => steps.reduce((sum, [k, v]) => sum + k * v[axis], value));

// A plane: `position` of the centre of the first pixel, `row` and `column` the directions of rows and columns,
// `spacing` [between rows, between columns], mm. Null where the object does not say.
export function planeOf(item) {
  const { position, orientation, spacing } = item;
  if (!position?.length || !orientation?.length || !spacing) return null;
  const row = orientation.slice(0, 3), column = orientation.slice(3, 6);
  return { position, row, column, normal: cross(row, column), spacing };
}

export const toPatient = (plane, [x, y]) =>
  along(plane.position, [(x - 0.5) * plane.spacing[1], plane.row], [(y - 0.5) * plane.spacing[0], plane.column]);

export function toImage(plane, point) {
  const from = minus(point, plane.position);
  return [dot(from, plane.row) / plane.spacing[1] + 0.5, dot(from, plane.column) / plane.spacing[0] + 0.5];
}

// How far along `normal` a plane lies, mm.
export const depthOf = (plane, normal = plane.normal) => dot(plane.position, normal);

export const areParallel = (a, b) => Math.abs(dot(a.normal, b.normal)) > 0.99;

// The line in which `other` cuts `plane`, within the `size` [columns, rows] of both; null if it does not.
export function cutOf(plane, size, other, otherSize) {
  if (Math.abs(dot(plane.normal, other.normal)) > 0.99) return null;
  const corners = [[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]];
  const height = corners.map((corner) => dot(minus(toPatient(plane, corner), other.position), other.normal));
  const points = [];
  for (let i = 0; i < 4; i++) {
    const a = height[i], b = height[(i + 1) % 4];
    if (a === b || a * b > 0) continue;
    const t = a / (a - b), p = corners[i], q = corners[(i + 1) % 4];
    points.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
  }
  if (points.length < 2) return null;
  const inside = (point) => {
    const [x, y] = toImage(other, toPatient(plane, point));
    return x >= -1 && y >= -1 && x <= otherSize[0] + 1 && y <= otherSize[1] + 1;
  };
  const shown = [];
  for (let step = 0; step <= 64; step++) {
    const t = step / 64;
    const point = [0, 1].map((axis) => points[0][axis] + t * (points[1][axis] - points[0][axis]));
    if (inside(point)) shown.push(point);
  }
  return shown.length > 1 ? [shown[0], shown[shown.length - 1]] : null;
}

// The letters for a direction (PS3.3 Section C.7.6.1.1.1): at most three, the strongest first.
export function letters(direction) {
  const names = [["L", "R"], ["P", "A"], ["H", "F"]];
  return [0, 1, 2]
    .filter((axis) => Math.abs(direction[axis]) > 0.25)
    .sort((a, b) => Math.abs(direction[b]) - Math.abs(direction[a]))
    .map((axis) => names[axis][direction[axis] > 0 ? 0 : 1]).join("");
}
const opposite = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };
export const opposed = (name) => [...name].map((letter) => opposite[letter] ?? letter).join("");

// Left, top, right and bottom of a frame as it is shown, turned clockwise by quarters and then flipped.
export function markers(item, quarters, isFlipped) {
  const plane = item.orientation?.length ? item.orientation : null;
  const right = plane ? letters(plane.slice(0, 3)) : item.at?.[0] ?? "";
  const bottom = plane ? letters(plane.slice(3, 6)) : item.at?.[1] ?? "";
  let edges = [opposed(right), opposed(bottom), right, bottom];
  if (isFlipped) edges = [edges[2], edges[1], edges[0], edges[3]];
  for (let turn = 0; turn < quarters; turn++) edges = [edges[3], edges[0], edges[1], edges[2]];
  return edges;
}

// A view: what of a frame is seen and how. Returns the matrix [a, b, c, d, e, f] from image to screen pixels.
export function matrixOf(view, size, aspect, screen) {
  const isTurned = view.quarters % 2 === 1;
  const [w, h] = [size[0], size[1] * aspect];
  const fit = Math.min(screen[0] / (isTurned ? h : w), screen[1] / (isTurned ? w : h));
  const k = fit * view.zoom;
  const [cos, sin] = [[1, 0], [0, 1], [-1, 0], [0, -1]][view.quarters];
  const flip = view.isFlipped ? -1 : 1;
  const a = k * cos * flip, b = k * sin * flip, c = -k * aspect * sin, d = k * aspect * cos;
  const x = screen[0] / 2 + view.pan[0] * k, y = screen[1] / 2 + view.pan[1] * k;
  return [a, b, c, d, x - a * size[0] / 2 - c * size[1] / 2, y - b * size[0] / 2 - d * size[1] / 2];
}
export const apply = ([a, b, c, d, e, f], [x, y]) => [a * x + c * y + e, b * x + d * y + f];
export function invert([a, b, c, d, e, f]) {
  const n = a * d - b * c;
  return [d / n, -b / n, -c / n, a / n, (c * f - d * e) / n, (b * e - a * f) / n];
}

// Height of a pixel over its width.
export function aspectOf(item) {
  if (item.spacing) return item.spacing[0] / item.spacing[1];
  if (item.aspect?.length === 2 && item.aspect[0] > 0 && item.aspect[1] > 0) return item.aspect[0] / item.aspect[1];
  return 1;
}

// What a length is measured in: `mm` only where the object says how large its pixels are in the patient. At the
// detector pixels have a size too, which is not that of what was before it: this is said.
const ORIGINS = {
  PixelSpacing: ["mm", true, ""],
  Magnification: ["mm", true, "by the magnification that is told"],
  ImagerPixelSpacing: ["mm", false, "at the detector"],
  NominalScannedPixelSpacing: ["mm", false, "of the scanned film"],
};
export function scaleOf(item, points = []) {
  const region = (item.regions ?? []).find(([x0, y0, x1, y1]) =>
    points.every(([x, y]) => x >= x0 && x <= x1 + 1 && y >= y0 && y <= y1 + 1));
  if (region && points.length) return { unit: "mm", isTrue: true, note: "", x: region[4], y: region[5] };
  if (!item.spacing || item.regions) return { unit: "px", isTrue: false, note: "not calibrated", x: 1, y: 1 };
  const [unit, isTrue, note] = ORIGINS[item.spacing_of] ?? ["px", false, "not calibrated"];
  return { unit, isTrue, note, x: item.spacing[1], y: item.spacing[0] };
}

export const distance = (scale, p, q) => Math.hypot((p[0] - q[0]) * scale.x, (p[1] - q[1]) * scale.y);

// At `q`, between the rays to `p` and `r`, degrees.
export function angleAt(scale, p, q, r) {
  const one = [(p[0] - q[0]) * scale.x, (p[1] - q[1]) * scale.y], other = [(r[0] - q[0]) * scale.x, (r[1] - q[1]) * scale.y];
  const cosine = (one[0] * other[0] + one[1] * other[1]) / (Math.hypot(...one) * Math.hypot(...other));
  return Math.acos(Math.max(-1, Math.min(1, cosine))) * 180 / Math.PI;
}
