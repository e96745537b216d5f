// The viewer: panes, the stacks in them, and what they have to do with each other.

import { depthOf, planeOf, areParallel } from "./geometry.js";
import { KINDS, numbersOf, wordsOf } from "./measures.js";
import { Pane, cutsOf } from "./pane.js";
import { listen } from "./pointer.js";
import { isDrawn, stackOf, studyOf } from "./series.js";
import { _, dateOf, el } from "./text.js";
import { help, keyboard, toolbar } from "./toolbar.js";
import { presetsOf } from "./window.js";

// The page has kept a place for the list, as here.
const isWide = () => matchMedia("(min-width: 60rem)").matches;
const LAYOUTS = [[1, 1], [2, 1], [2, 2]];

class App {
  constructor(opened) {
    this.opened = opened;
    this.studies = new Map([[opened.study.uid, opened]]);
    this.priors = opened.priors ?? [];
    this.mayKeep = opened.may_keep;
    this.tool = matchMedia("(pointer: coarse)").matches ? "scroll" : "window";
    this.measures = new Map();
    this.keys = new Map();
    this.over = []; // what paints over pictures: layers of others, marks of their reports
    this.isLinked = false;
    this.hasCuts = true;
    this.layout = 0;
    this.panes = [];
    this.stage = document.getElementById("stage");
    this.side = el("aside", { class: "side", "aria-label": _("Series and findings"), hidden: !isWide() });
    this.tools = toolbar(this);
    this.status = el("div", { class: "status", role: "status", "aria-live": "polite" });
    document.getElementById("app").replaceChildren(this.tools.bar, this.side, this.stage, this.status);
    keyboard(this);
  }

  async begin() {
    this.arrange(1);
    const [series, instance, frame] = this.opened.first ?? [];
    const picture = document.getElementById("first");
    const asked = new URLSearchParams(location.search).get("series"), others = this.opened.series;
    const other = others.find(({ uid }) => uid === asked) ?? (series ? null : others[0]);
    if (other && other.uid !== series) await this.open(this.panes[0], this.opened, other.uid);
    else if (series) await this.open(this.panes[0], this.opened, series, instance, +frame);
    else this.panes[0].say(_("This study has no pictures."));
    picture?.remove();
    this.fill();
    if (isWide()) this.toggleList(true);
    if (!asked && this.opened.series.some(({ modality }) => modality === "MG")) await this.hang();
    if (this.opened.series.some(({ modality }) => ["SR", "KO", "PR"].includes(modality)))
      setTimeout(() => this.keeping().then((keep) => keep.readBack(this)).catch((error) => this.tell(error.message)), 400);
    document.documentElement.dataset.ready = "yes";
  }

  get active() { return this.panes.find((pane) => pane.isActive) ?? this.panes[0]; }
  choose(pane) {
    if (pane.isActive) return;
    for (const one of this.panes) { one.isActive = one === pane; one.element.classList.toggle("active", one.isActive); }
    this.update();
    for (const one of this.panes) one.redraw();
  }
  tell(text) { this.status.textContent = text; clearTimeout(this.telling); this.telling = setTimeout(() => { this.status.textContent = ""; }, 8000); }
  update() { this.tools.update(); if (this.isListed) this.writeMeasures(); }

  // So many panes; those that are there stay as they are.
  arrange(count) {
    while (this.panes.length > count) { const gone = this.panes.pop(); gone.stop(); gone.element.remove(); }
    while (this.panes.length < count) {
      const pane = new Pane(this);
      this.panes.push(pane);
      this.stage.append(pane.element);
      pane.resize();
      listen(pane, this);
      pane.canvas.addEventListener("focus", () => this.choose(pane));
    }
    const [across, down] = LAYOUTS.find(([a, b]) => a * b >= count);
    Object.assign(this.stage.dataset, { across, down });
    this.stage.classList.toggle("many", count > 1);
    if (!this.panes.some((pane) => pane.isActive)) this.choose(this.panes[0]);
  }

  async open(pane, opened, series, instance = "", frame = 0) {
    try {
      const stack = await stackOf(opened.study.uid, series);
      if (!stack.items.length && isDrawn(stack.others[0])) { await this.lay(pane, opened, stack); return; }
      const index = stack.items.findIndex((item) => item.uid === instance && item.frame === frame);
      const header = { study: opened.study, patient: opened.patient, series: opened.series.find(({ uid }) => uid === series),
        isPrior: opened !== this.opened };
      await pane.open(stack, header, index < 0 ? undefined : index);
    } catch (error) {
      pane.say(error.message);
    }
    this.update();
  }

  // Mammograms have a way to be looked at.
  hang() { return import("./hanging.js").then(({ hang }) => hang(this, this.opened)).catch((error) => this.tell(error.message)); }

  // What others drew goes over the pictures.
  async lay(pane, opened, stack) {
    const { Layers } = await import("./drawn.js");
    if (!this.layers) this.over.push(this.layers = new Layers(this));
    await this.layers.lay(pane, opened, stack);
  }

  // Panes without pictures get the next series of the study.
  fill() {
    const shown = new Set(this.panes.map((pane) => pane.stack?.series));
    const rest = this.opened.series.filter(({ uid, modality }) => !shown.has(uid) && !NO_PICTURES.has(modality));
    for (const pane of this.panes.filter((one) => !one.stack)) {
      const next = rest.shift();
      if (next) this.open(pane, this.opened, next.uid); else pane.say(_("No further series."));
    }
  }

  nextSeries(step) {
    if (this.hanging?.step(step)) return;
    const pane = this.active, opened = this.studies.get(pane.stack?.study) ?? this.opened;
    const at = opened.series.findIndex(({ uid }) => uid === pane.stack?.series);
    const next = opened.series[at + step];
    if (next) this.open(pane, opened, next.uid);
  }

  // A prior beside: its series of the same modality, at the same place in the patient.
  async compare(prior) {
    const current = this.panes[0];
    const opened = this.studies.get(prior.uid) ?? await studyOf(prior.uid).catch((error) => { this.tell(error.message); return null; });
    if (!opened) return;
    this.studies.set(prior.uid, opened);
    if (this.hanging && await this.hanging.compare(opened)) return;
    if (this.panes.length < 2) this.arrange(2);
    const like = current.header?.series ?? {};
    const score = (one) => (one.modality === like.modality ? 4 : NO_PICTURES.has(one.modality) ? -9 : 0) + (one.description === like.description ? 2 : 0)
      + (Math.abs(one.instances - like.instances) < 3 ? 1 : 0);
    const best = [...opened.series].sort((a, b) => score(b) - score(a))[0];
    const pane = this.panes[1];
    await this.open(pane, opened, best.uid);
    const plane = current.item && planeOf(current.item); // not what is drawn yet: that may lag behind quick keys
    if (plane) pane.showDepth(depthOf(plane), plane.normal);
    pane.setWindow(current.window);
    this.link(true);
    this.update();
  }

  // From now on panes keep the distance in the patient that they have now.
  link(isLinked) {
    this.isLinked = isLinked;
    for (const pane of this.panes) {
      const plane = pane.item && planeOf(pane.item);
      pane.anchor = plane ? depthOf(plane) : null;
      pane.anchorIndex = pane.index;
    }
    this.tell(isLinked ? _("Scrolling is linked by patient position.") : _("Scrolling is not linked."));
  }

  moved(pane) {
    if (this.isLinked) for (const other of this.panes) {
      if (other === pane || !other.item || !pane.item) continue;
      const here = planeOf(pane.item), there = planeOf(other.item);
      if (here && there && areParallel(here, there) && pane.anchor != null && other.anchor != null) {
        const isOne = pane.item.reference && pane.item.reference === other.item.reference;
        const apart = isOne ? 0 : depthOf({ ...there, position: there.normal.map((n) => n * other.anchor) }, here.normal) - pane.anchor;
        other.showDepth(depthOf(here) + apart, here.normal);
      } else if (!here || !there) {
        other.show(other.anchorIndex + pane.index - pane.anchorIndex, true);
      }
    }
    this.update();
  }
  drawn(pane) {
    for (const measure of this.measuresOf(pane.shown)) if (measure.isChanged && pane.values) measure.numbers = numbersOf(measure, measure.item, pane.values);
    for (const other of this.panes) if (other !== pane) other.redraw();
    this.update();
  }
  cuts(pane) { return this.hasCuts && this.panes.length > 1 ? cutsOf(pane, this.panes) : []; }
  toggleCuts() { this.hasCuts = !this.hasCuts; for (const pane of this.panes) pane.redraw(); }

  use(tool) { this.drawing?.cancel(); this.tool = tool; this.active?.element.style.setProperty("--cursor", "crosshair"); this.update(); }
  act(name) {
    const pane = this.active, view = pane.view;
    const acts = {
      play: () => { if (pane.cine) pane.stop(); else pane.play(); },
      invert: () => { view.isInverse = !view.isInverse; pane.isPainted = false; pane.redraw(); },
      rotate: () => pane.change({ quarters: (view.quarters + 1) % 4 }),
      flip: () => pane.change({ isFlipped: !view.isFlipped, quarters: (4 - view.quarters) % 4 }), // as it is seen
      reset: () => pane.reset(),
      layout: () => { this.layout = (this.layout + 1) % 3; this.arrange([1, 2, 4][this.layout]); if (this.layout === 2 && this.hanging) this.hanging.show(0); else this.fill(); },
      prior: () => this.priors.length === 1 ? this.compare(this.priors[0]) : this.toggleList(true),
      link: () => this.link(!this.isLinked),
      key: () => { const { shown } = pane; if (!shown) return; if (!this.keys.delete(shown.key)) this.keys.set(shown.key, shown); this.tell(this.keys.has(shown.key) ? _("Marked as key image; keep it with Ctrl+S.") : _("No key image any more.")); },
      save: () => this.keeping().then((keep) => keep.keep(this)).catch((error) => this.tell(error.message)),
      list: () => this.toggleList(!this.isListed),
      theme: () => { const root = document.documentElement; root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light"; try { localStorage.setItem("viewer-theme", root.dataset.theme); } catch { /* not kept */ } for (const one of this.panes) one.redraw(); },
      help,
    };
    acts[name]();
    this.update();
  }
  keeping() { return import("./keep.js"); }
  preset(index) {
    const item = this.active.shown, found = item && presetsOf(item, this.active.values)[index];
    if (index < 0) this.active.setWindow(null);
    else if (found) this.active.setWindow({ center: found[1], width: found[2], kind: index < (item.windows?.length ?? 0) ? item.function || "LINEAR" : "LINEAR" });
    this.update();
  }
  nudgeWindow(x, y) {
    const before = this.active.currentWindow();
    if (before) this.active.setWindow({ ...before, width: Math.max(1, before.width * (1 + 0.05 * x)), center: before.center + before.width * 0.05 * y });
  }
  enlarge(pane) {
    const isOne = this.stage.classList.toggle("enlarged");
    for (const one of this.panes) one.element.hidden = isOne && one !== pane;
  }
  giveUp() {
    if (this.drawing) this.drawing.cancel();
    else if (this.stage.classList.contains("enlarged")) this.enlarge(this.active);
    else { this.chosen = null; this.active.redraw(); }
  }

  // Measurements.
  measuresOf(item) { return item ? this.measures.get(item.key) ?? [] : []; }
  add(measure) {
    const { key } = measure.item;
    if (!this.measures.has(key)) this.measures.set(key, []);
    this.measures.get(key).push(measure);
    this.select(measure);
  }
  select(measure) { this.chosen = measure; for (const pane of this.panes) pane.redraw(); }
  remove(measure) {
    const among = this.measuresOf(measure.item);
    if (among.includes(measure)) among.splice(among.indexOf(measure), 1);
    if (this.chosen === measure) this.chosen = null;
    this.measured();
  }
  measured() {
    for (const pane of this.panes) pane.redraw();
    const measure = this.chosen;
    if (measure) {
      const pane = this.panes.find(({ shown }) => shown?.key === measure.item.key);
      measure.numbers = numbersOf(measure, measure.item, pane?.values);
      if (pane?.shown && "valueUnit" in measure.numbers && OF_VALUES.has(measure.kind) && pane.found.tier < 3) pane.wantLossless();
      this.tell(`${_(KINDS[measure.kind].name)}: ${wordsOf(measure.numbers).join(", ")}`);
    }
    this.update();
  }
  all() { return [...this.measures.values()].flat(); }
  unkept() { return this.all().filter(({ isChanged }) => isChanged).length + [...this.keys.values()].filter(({ isKept }) => !isKept).length; }

  // The side: series, priors, findings.
  toggleList(isListed) {
    this.isListed = isListed;
    this.side.hidden = !isListed;
    if (isListed) this.writeSide();
    this.update();
  }
  writeSide() {
    const entry = (opened, one) => el("li", {}, el("button", { type: "button", onclick: () => { this.open(this.active, opened, one.uid); if (innerWidth < 700) this.toggleList(false); } },
      NO_PICTURES.has(one.modality) ? el("span", { class: "thumb" }, one.modality.replace(/^RT\w+/, "RT")) : el("img", { class: "thumb", alt: "", loading: "lazy", width: 56, height: 56,
        src: `/dicom-web/studies/${opened.study.uid}/series/${one.uid}/thumbnail?viewport=56,56&accept=image/webp`, onerror: (event) => event.target.replaceWith(el("span", { class: "thumb" }, one.modality)) }),
      el("span", {}, el("b", {}, one.description || `${_("Series")} ${one.number}`), el("small", {}, `${one.modality} · ${one.instances}`))));
    const priors = this.priors.map((prior) => el("li", {}, el("button", { type: "button", onclick: () => { this.compare(prior); if (innerWidth < 700) this.toggleList(false); } },
      el("span", { class: "thumb" }, prior.modalities), el("span", {}, el("b", {}, prior.description || _("Study")), el("small", {}, dateOf(prior.date))))));
    this.findings = el("ul", { class: "findings" });
    this.side.replaceChildren(
      el("h2", {}, _("Series")), el("ul", {}, ...this.opened.series.map((one) => entry(this.opened, one))),
      ...(priors.length ? [el("h2", {}, _("Priors")), el("ul", {}, ...priors)] : []),
      ...(this.layers?.panel() ?? []),
      el("h2", {}, _("Findings")), this.findings, el("a", { href: "/", class: "away" }, _("Back to the start")));
    this.writeMeasures();
  }
  writeMeasures() {
    if (!this.findings) return;
    const entries = [...this.all().map((measure) => el("li", {},
      el("button", { type: "button", onclick: () => this.goTo(measure.item, measure) },
        el("span", {}, el("b", {}, `${_(KINDS[measure.kind].name)}${measure.isChanged ? "" : ` · ${_("kept")}`}`), el("small", {}, [measure.label, ...(measure.numbers ? wordsOf(measure.numbers) : measure.words ?? [])].filter(Boolean).join(", ")))),
      el("button", { type: "button", class: "bin", "aria-label": _("Remove"), onclick: () => this.remove(measure) }, "×"))),
    ...[...this.keys.values()].map((item) => el("li", {}, el("button", { type: "button", onclick: () => this.goTo(item) },
      el("span", {}, el("b", {}, `${_("Key image")}${item.isKept ? ` · ${_("kept")}` : ""}`), el("small", {}, `${item.modality ?? ""} ${item.number ?? ""}`)))))];
    const text = entries.map((entry) => entry.textContent).join();
    if (this.findings.dataset.text === text) return;
    this.findings.dataset.text = text;
    this.findings.replaceChildren(...(entries.length || this.marks ? entries : [el("li", {}, el("small", {}, _("Nothing measured yet.")))]));
    this.findings.append(...(this.marks?.entries() ?? []), ...(this.extra ?? []));
  }
  async goTo(item, measure = null) {
    const pane = this.active;
    if (pane.stack?.series !== item.series) await this.open(pane, this.studies.get(item.study) ?? this.opened, item.series);
    const index = pane.stack.items.findIndex(({ key }) => key === item.key);
    if (index >= 0) await pane.show(index);
    if (measure) this.select(measure);
  }
  openOther(pane, stack) {
    import("./others.js").then(({ openOther }) => openOther(pane, stack)).catch((error) => pane.say(error.message));
  }
}
const OF_VALUES = new Set(["point", "ellipse", "rectangle"]);
const NO_PICTURES = new Set(["SR", "KO", "PR", "SEG", "RTSTRUCT", "DOC", "REG", "ECG", "AU", "PLAN", "RTPLAN", "RTRECORD"]);

export function start() {
  try { document.documentElement.dataset.theme = localStorage.getItem("viewer-theme") ?? "dark"; } catch { /* as it is */ }
  const app = new App(JSON.parse(document.getElementById("opened").textContent));
  window.sagittalViewer = app;
  return app.begin();
}
