// Mammograms as they are read: the four views with their chest walls back to back, all at one scale; with a prior the
// views of one kind above those of before.

import { aspectOf, markers, matrixOf } from "./geometry.js";
import { stackOf } from "./series.js";
import { _ } from "./text.js";

const SIDES = ["R", "L"], VIEWS = ["CC", "MLO"];
const KINDS = { ML: "MLO", LM: "MLO", LMO: "MLO", FB: "CC", XCCL: "CC", XCCM: "CC" }; // what takes the place of a view that was not made

// By side and view the frames of a study, those first that are neither raw nor of a part only.
async function viewsOf(opened) {
  const found = new Map();
  for (const { uid, modality } of opened.series) {
    if (modality !== "MG") continue;
    const stack = await stackOf(opened.study.uid, uid);
    for (const item of stack.items) {
      const view = VIEWS.includes(item.view) ? item.view : KINDS[item.view], name = `${item.laterality} ${view}`;
      if (view && SIDES.includes(item.laterality)) found.set(name, [...found.get(name) ?? [], item]);
    }
  }
  const last = (item) => (item.raw ? 4 : 0) + (item.partial ? 2 : 0) + (VIEWS.includes(item.view) ? 0 : 1);
  for (const items of found.values()) items.sort((a, b) => last(a) - last(b) || (a.frames > 1) - (b.frames > 1));
  return found;
}

// How a view is turned: the back of the patient where the views meet; the feet, of CC views the middle, below.
export function turned(item) {
  const back = item.laterality === "R" ? 2 : 0, below = item.view === "CC" || KINDS[item.view] === "CC" ? (item.laterality === "R" ? "L" : "R") : "F";
  const ways = [0, 2, 1, 3].flatMap((quarters) => [false, true].map((isFlipped) => ({ quarters, isFlipped })));
  const score = ({ quarters, isFlipped }) => {
    const edges = markers(item, quarters, isFlipped);
    return (edges[back].includes("P") ? 4 : 0) + (edges[3].includes(below) ? 2 : 0);
  };
  return ways.reduce((best, way) => (score(way) > score(best) ? way : best), ways[0]);
}

export async function hang(app, opened) {
  const views = await viewsOf(opened);
  if (views.size < 2) return null;
  const hanging = new Hanging(app, opened, views);
  app.hanging = hanging;
  await hanging.show(0);
  return hanging;
}

class Hanging {
  constructor(app, opened, views) {
    Object.assign(this, { app, opened, views, prior: null, stage: 0 });
  }
  get stages() { return this.prior ? [...VIEWS, ""] : [""]; }

  async compare(opened) {
    const views = await viewsOf(opened);
    if (!views.size) return false;
    this.prior = { opened, views };
    await this.show(0);
    return true;
  }
  step(by) {
    if (this.stages.length > 1) this.show((this.stage + by + this.stages.length) % this.stages.length);
    return this.stages.length > 1;
  }

  async show(stage) {
    this.stage = stage;
    const view = this.stages[stage], { app } = this, own = [this.opened, this.views];
    const cells = view ? [own, [this.prior.opened, this.prior.views]].flatMap(([opened, views]) => SIDES.map((side) => [opened, views.get(`${side} ${view}`)]))
      : VIEWS.flatMap((name) => SIDES.map((side) => [this.opened, this.views.get(`${side} ${name}`)]));
    app.layout = 2;
    app.arrange(4);
    await Promise.all(cells.map(async ([opened, items], index) => {
      const pane = app.panes[index];
      if (!items) { pane.clear(_("There is no such view.")); return; }
      const header = { study: opened.study, patient: opened.patient, series: opened.series.find(({ uid }) => uid === items[0].series), isPrior: opened !== app.opened };
      pane.home = null;
      await pane.open({ items, others: [], study: opened.study.uid, series: items[0].series }, header, 0);
      pane.home = () => this.home(pane);
    }));
    for (const pane of app.panes) pane.goHome();
    app.update();
  }

  // The view of a pane: turned, at the scale of all, its chest wall at the edge where it meets the other side.
  home(pane) {
    const item = pane.item, way = { ...turned(item), zoom: 1, pan: [0, 0], isInverse: pane.view.isInverse };
    const size = [item.columns, item.rows], aspect = aspectOf(item), scale = this.scale();
    const [a, b] = matrixOf(way, size, aspect, pane.size), fit = Math.hypot(a, b);
    const zoom = scale && item.spacing ? scale * item.spacing[1] / fit : 1, k = fit * zoom;
    const across = way.quarters % 2 ? size[1] * aspect : size[0], room = (pane.size[0] / k - across) / 2;
    return { ...way, zoom, pan: [item.laterality === "R" ? room : -room, 0] };
  }
  // Pixels of the screen to a millimetre at which the largest of them is seen whole; null where one says no size.
  scale() {
    const scales = this.app.panes.filter((pane) => pane.home && pane.item).map((pane) => {
      const { item } = pane, [a, b] = matrixOf({ ...turned(item), zoom: 1, pan: [0, 0] }, [item.columns, item.rows], aspectOf(item), pane.size);
      return item.spacing ? Math.hypot(a, b) / item.spacing[1] : null;
    });
    return scales.includes(null) || !scales.length ? null : Math.min(...scales);
  }
}
