// The tools as buttons, the presets, and what the keys do.

import { KINDS } from "./measures.js";
import { _, el } from "./text.js";
import { presetsOf } from "./window.js";

const SHAPES = {
  scroll: "M12 3v18M12 3l-4 4M12 3l4 4M12 21l-4-4M12 21l4-4",
  window: "M12 3a9 9 0 1 0 .1 0zM12 3v18M15 6v12M18 8v8",
  pan: "M12 3v18M3 12h18M12 3l-2 2M12 3l2 2M12 21l-2-2M12 21l2-2M3 12l2-2M3 12l2 2M21 12l-2-2M21 12l-2 2",
  zoom: "M10 4a6 6 0 1 0 .1 0zM14.5 14.5L21 21M7 10h6M10 7v6",
  magnify: "M10 4a6 6 0 1 0 .1 0zM14.5 14.5L21 21",
  length: "M4 20L20 4M4 20l0-5M4 20l5 0M20 4l0 5M20 4l-5 0",
  angle: "M20 19H4L17 5M11 19a7 7 0 0 0-3-4.5",
  bidirectional: "M4 19L19 5M8 8l7 8",
  ellipse: "M12 6a9 6 0 1 0 .1 0z",
  rectangle: "M4 6h16v12H4z",
  point: "M12 4v16M4 12h16",
  play: "M7 5l12 7-12 7z",
  stop: "M8 5v14M16 5v14",
  invert: "M12 3a9 9 0 1 0 .1 0zM12 3a9 9 0 0 1 0 18M12 5v14M14 6v12M16 7v10M18 9v6",
  rotate: "M19 12a7 7 0 1 1-3-5.7M16 2v5h-5",
  flip: "M12 3v18M9 7L3 17h6zM15 7l6 10h-6z",
  layout: "M4 5h16v14H4zM12 5v14",
  link: "M9 15l6-6M10 6l2-2a4 4 0 0 1 6 6l-2 2M14 18l-2 2a4 4 0 0 1-6-6l2-2",
  prior: "M12 4a8 8 0 1 0 .1 0zM12 8v4l3 2",
  reset: "M4 12a8 8 0 1 0 3-6M4 4v4h4",
  key: "M7 14a4 4 0 1 1 3-3l9 0v4h-3v-2h-6",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  list: "M4 6h16M4 12h16M4 18h16",
  theme: "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 18v.5",
  more: "M5 12h.1M12 12h.1M19 12h.1",
};
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

export const TOOLS = [["scroll", "Scroll", "s"], ["window", "Window", "w"], ["pan", "Pan", "p"], ["zoom", "Zoom", "z"],
  ["magnify", "Magnifier", "m"], ["length", "Length", "d"], ["angle", "Angle", "a"], ["bidirectional", "Bidirectional", "b"],
  ["ellipse", "Ellipse: mean, SD, area", "e"], ["rectangle", "Rectangle: mean, SD, area", "r"], ["point", "Value at a point", "v"]];
const ACTIONS = [["play", "Play or stop", " "], ["invert", "Invert", "i"], ["rotate", "Rotate", "."], ["flip", "Flip", "f"],
  ["reset", "Reset the view", "0"], ["layout", "Layout", "g"], ["prior", "Compare with a prior", "c"],
  ["link", "Link scrolling", "y"], ["key", "Key image", "k"], ["save", "Keep measurements", "Ctrl+S"], ["list", "Series and findings", "n"],
  ["theme", "Light or dark", "t"], ["help", "Keys", "?"]];
const MORE_KEYS = [["↑ ↓", "one frame back or on"], ["PgUp PgDn", "ten frames"], ["Home End", "first and last frame"],
  ["← →", "series before or after"], ["1 – 9", "windows"], ["+ −", "zoom"], ["Shift + arrows", "pan"], ["Alt + arrows", "window"],
  ["l", "lossless frame"], ["x", "reference lines"], ["o", "what others drew"], ["u", "key image marked or not"], ["Del", "remove the measurement chosen"],
  ["Tab", "next pane"], ["Esc", "give up, close"]];

export function toolbar(app) {
  const button = ([name, title, key], press) => el("button", {
    type: "button", "data-name": name, title: `${_(title)} (${key === " " ? _("space") : key})`, "aria-label": _(title),
    "aria-keyshortcuts": key === " " ? "Space" : key.replace("Ctrl", "Control"), onclick: press }, icon(name));
  const tools = el("div", { role: "group", "aria-label": _("Tools") },
    ...TOOLS.map((tool) => button(tool, () => app.use(tool[0]))));
  const presets = el("select", { "aria-label": _("Window"), class: "presets", onchange: (event) => app.preset(+event.target.value) });
  const actions = el("div", { role: "group", "aria-label": _("Actions") },
    ...ACTIONS.filter(([name]) => app.mayKeep || name !== "save").map((action) => button(action, () => app.act(action[0]))));
  const bar = el("div", { class: "bar", role: "toolbar", "aria-label": _("Viewer") }, tools, presets, actions);
  const update = () => {
    for (const one of tools.children) one.setAttribute("aria-pressed", String(one.dataset.name === app.tool));
    const pane = app.active;
    const pressed = { link: app.isLinked, invert: pane?.view.isInverse, play: Boolean(pane?.cine), flip: pane?.view.isFlipped,
      key: pane?.shown && app.keys.has(pane.shown.key), list: app.isListed };
    for (const one of actions.children) {
      const { name } = one.dataset;
      if (name in pressed) one.setAttribute("aria-pressed", String(Boolean(pressed[name])));
      if (name === "play" && one.dataset.icon !== String(Boolean(pane?.cine))) {
        one.dataset.icon = String(Boolean(pane?.cine));
        one.replaceChildren(icon(pane?.cine ? "stop" : "play"));
      }
      if (name === "save") one.dataset.count = app.unkept() || "";
      if (name === "prior") one.disabled = !app.priors.length;
    }
    const item = pane?.shown, found = item ? presetsOf(item, pane.values) : [], names = found.map(([name]) => name).join("|");
    if (presets.dataset.names !== names) {
      presets.dataset.names = names;
      presets.replaceChildren(el("option", { value: -1 }, _("Window")),
        ...found.map(([name], index) => el("option", { value: index }, `${index + 1}  ${_(name)}`)));
      presets.classList.toggle("none", !found.length); // its place stays, so that nothing moves
    }
    if (!pane?.window) presets.value = "-1";
  };
  return { bar, update };
}

export function help() {
  const row = ([key, text]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, _(text)));
  const close = () => dialog.close();
  const dialog = el("dialog", { class: "help", "aria-label": _("Keys") },
    el("h2", {}, _("Keys")),
    el("dl", {}, ...TOOLS.map(([, title, key]) => row([key, title])),
      ...ACTIONS.map(([, title, key]) => row([key === " " ? _("space") : key, title])), ...MORE_KEYS.map(row)),
    el("p", {}, _("Wheel or one finger scrolls; the right button zooms, the middle one pans, two fingers do both.")),
    el("button", { type: "button", onclick: close, autofocus: true }, _("Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const BY_KEY = new Map([...TOOLS.map(([name, , key]) => [key, (app) => app.use(name)]),
  ...ACTIONS.filter(([, , key]) => key.length === 1).map(([name, , key]) => [key, (app) => app.act(name)])]);

export function keyboard(app) {
  addEventListener("keydown", (event) => {
    const { target } = event;
    if (target.closest?.("dialog, input, select, textarea") || event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); if (app.mayKeep) app.act("save"); return; }
    if (event.ctrlKey || event.metaKey) return;
    const pane = app.active;
    const isButton = target.closest?.("button") && (event.key === " " || event.key === "Enter");
    if (!pane || isButton) return;
    const act = event.altKey ? byArrow(event.key, (x, y) => app.nudgeWindow(x, y))
      : event.shiftKey && event.key.startsWith("Arrow") ? byArrow(event.key, (x, y) => {
        const k = Math.hypot(pane.matrix[0], pane.matrix[1]);
        pane.change({ pan: [pane.view.pan[0] + 30 * x / k, pane.view.pan[1] + 30 * y / k] });
      })
      : KEYS[event.key] ? () => KEYS[event.key](app, pane)
      : /^[1-9]$/.test(event.key) ? () => app.preset(+event.key - 1)
      : BY_KEY.get(event.key.toLowerCase()) && (() => BY_KEY.get(event.key.toLowerCase())(app));
    if (!act) return;
    event.preventDefault();
    act();
    app.update();
  });
}
const byArrow = (key, act) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  return step && (() => act(...step));
};
const zoom = (pane, factor) => pane.change({ zoom: Math.max(0.2, Math.min(40, pane.view.zoom * factor)) });
const KEYS = {
  ArrowDown: (_app, pane) => pane.show(pane.index + 1), ArrowUp: (_app, pane) => pane.show(pane.index - 1),
  PageDown: (_app, pane) => pane.show(pane.index + 10), PageUp: (_app, pane) => pane.show(pane.index - 10),
  Home: (_app, pane) => pane.show(0), End: (_app, pane) => pane.show(Infinity),
  ArrowRight: (app) => app.nextSeries(1), ArrowLeft: (app) => app.nextSeries(-1),
  "+": (_app, pane) => zoom(pane, 1.25), "=": (_app, pane) => zoom(pane, 1.25), "-": (_app, pane) => zoom(pane, 0.8),
  l: (_app, pane) => pane.wantLossless(), x: (app) => app.toggleCuts(), o: (app) => app.layers?.toggle(), u: (app) => app.act("key"),
  Delete: (app) => app.chosen && app.remove(app.chosen), Backspace: (app) => app.chosen && app.remove(app.chosen),
  Escape: (app) => app.giveUp(),
};
export const isMeasure = (tool) => tool in KINDS;
