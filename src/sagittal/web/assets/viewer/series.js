// What is known of studies and their series: asked for once.

const kept = new Map();
const once = (address) => {
  if (!kept.has(address)) kept.set(address, ask(address).catch((error) => { kept.delete(address); throw error; }));
  return kept.get(address);
};

// What the page has asked for already, while this was loaded; given once.
function begun(address) {
  const { sagittalAsked } = window;
  if (sagittalAsked?.address !== address) return null;
  window.sagittalAsked = null;
  return sagittalAsked.answer;
}

export async function ask(address, options) {
  const answer = await (begun(address) ?? fetch(address, { headers: { accept: "application/json" }, ...options }));
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || problem.title || `${answer.status}`);
  }
  return answer.status === 204 ? null : answer.json();
}

export const forget = () => kept.clear();
export const studyOf = (study) => once(`/view/${study}/study`);

// The frames of a series in the order they are scrolled: by their place in the patient where all lie in parallel
// planes, else by number.
export async function stackOf(study, series) {
  const { common, instances } = await once(`/view/${study}/series/${series}`);
  for (const one of [common, ...instances]) if (one.no_suv) one.note = (await import("./uptake.js")).why(one.no_suv);
  const items = [], others = [];
  for (const own of instances) {
    const instance = { ...common, ...own, study, series };
    if (!isPicture(instance)) { others.push(instance); continue; }
    for (let frame = 1; frame <= Math.max(1, instance.frames); frame++) items.push(itemOf(instance, frame));
  }
  return { items: inOrder(items), others, study, series };
}

const VIDEO = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8]/;
const OTHERS = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(66|88|11|9|104|481\.[358])(\.|$)/;
export const isVideo = (instance) => VIDEO.test(instance.syntax ?? "");
const DRAWN = /\.66\.[47]$|\.481\.3$/;
export const isDrawn = (instance) => DRAWN.test(instance?.class ?? "");
export const isPicture = (instance) => instance.pixels && instance.rows && !isVideo(instance) && !OTHERS.test(instance.class ?? "");

function itemOf(instance, frame) {
  const item = { ...instance, frame, key: `${instance.uid}/${frame}`, frames: instance.frames || 1 };
  if (instance.positions) item.position = instance.positions[frame - 1];
  if (instance.orientations) item.orientation = instance.orientations[frame - 1];
  if (instance.windows_of_frames) item.windows = instance.windows_of_frames[frame - 1];
  if (instance.rescales) [item.slope, item.intercept] = instance.rescales[frame - 1];
  return item;
}

function inOrder(items) {
  const first = items[0];
  const isAlike = (item) => item.position?.length && item.orientation?.length &&
    item.orientation.every((value, at) => Math.abs(value - first.orientation[at]) < 0.01);
  const number = (a, b) => (a.number ?? 0) - (b.number ?? 0) || a.frame - b.frame;
  if (items.length < 2 || !items.every(isAlike)) return items.sort(number);
  const [a, b, c, d, e, f] = first.orientation, normal = [b * f - c * e, c * d - a * f, a * e - b * d];
  const depth = (item) => item.position.reduce((sum, value, axis) => sum + value * normal[axis], 0);
  const distinct = new Set(items.map((item) => depth(item).toFixed(2))).size;
  if (distinct < items.length / 2) return items.sort(number); // several phases: their numbers keep them apart
  return items.sort((one, other) => depth(one) - depth(other) || number(one, other));
}
