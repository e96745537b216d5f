// What lies in the patient, seen in a plane of pictures. Points are in mm, planes as `planeOf` gives them.

import { dot, minus, toImage } from "./geometry.js";

const LEAST_MM = 0.01;

// How far apart the planes of a stack are around a frame, mm.
export function gapOf(items, item, plane, planes) {
  let least = Infinity;
  for (const other of items) {
    const there = other === item ? null : planes(other);
    const away = there ? Math.abs(dot(minus(there.position, plane.position), plane.normal)) : 0;
    if (away > LEAST_MM && away < least) least = away;
  }
  return Number.isFinite(least) ? least : item.thickness || 1;
}

// The points [x, y, z, x, y, z, ...] of a contour as [[x, y, z], ...].
export const triples = (flat) => Array.from({ length: Math.floor(flat.length / 3) }, (_, at) => flat.slice(3 * at, 3 * at + 3));

// What of a contour is in a slice that reaches `half` mm to each side of the plane: lines of points in image coordinates.
// One that lies along the slice is there whole; of one that goes through it there is the cut.
export function contourIn(plane, points, { isClosed, half }) {
  const heights = points.map((point) => dot(minus(point, plane.position), plane.normal));
  const low = Math.min(...heights), high = Math.max(...heights);
  if (low > half + LEAST_MM || high < -half - LEAST_MM) return [];
  const flat = () => points.map((point) => toImage(plane, point));
  if (high - low <= Math.max(half, 2 * LEAST_MM)) return Math.abs(low + high) / 2 <= half + LEAST_MM ? [flat()] : [];
  return isClosed ? cuts(plane, points, heights) : pieces(flat(), heights, half);
}

// A closed contour is inside between each two places where it goes through the plane.
function cuts(plane, points, heights) {
  const through = [];
  points.forEach((point, at) => {
    const next = (at + 1) % points.length, a = heights[at], b = heights[next];
    if (a < 0 === b < 0) return;
    const t = a / (a - b);
    through.push(toImage(plane, point.map((value, axis) => value + t * (points[next][axis] - value))));
  });
  if (through.length < 2) return [];
  const [x0, y0] = through[0], far = through.reduce((most, [x, y]) => (Math.hypot(x - x0, y - y0) > Math.hypot(most[0] - x0, most[1] - y0) ? [x, y] : most));
  const along = ([x, y]) => (x - x0) * (far[0] - x0) + (y - y0) * (far[1] - y0);
  through.sort((a, b) => along(a) - along(b));
  return Array.from({ length: through.length >> 1 }, (_, pair) => [through[2 * pair], through[2 * pair + 1]]);
}

// Of an open one there is what is near.
function pieces(flat, heights, half) {
  const found = [];
  flat.forEach((point, at) => {
    if (Math.abs(heights[at]) > half + LEAST_MM) return;
    if (at && Math.abs(heights[at - 1]) <= half + LEAST_MM) found[found.length - 1].push(point);
    else found.push([point]);
  });
  return found;
}

// Pixels of one plane in those of another that is parallel to it: [a, b, c, d, e, f].
export function between(from, to, inPatient) {
  const [o, x, y] = [[0, 0], [1, 0], [0, 1]].map((corner) => toImage(to, inPatient(from, corner)));
  return [x[0] - o[0], x[1] - o[1], y[0] - o[0], y[1] - o[1], o[0], o[1]];
}

export const product = ([a, b, c, d, e, f], [g, h, i, j, k, l]) =>
  [a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * l + e, b * k + d * l + f];
