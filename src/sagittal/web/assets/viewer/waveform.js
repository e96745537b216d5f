// Waveforms on their grid (PS3.3 Section C.10.9): electrocardiograms at 25 mm/s and 10 mm/mV, or as a person chooses, a
// page at a time. Lengths are mm of paper, which is as large as the pane has room for.

import { ask } from "./series.js";
import { _, el, round } from "./text.js";

const SHEET_MM = 250, LABEL_MM = 18, ROW_MM = 20, TOP_MM = 4;
const CELLS = { SB: Int8Array, UB: Uint8Array, SS: Int16Array, US: Uint16Array, SL: Int32Array, UL: Uint32Array };
const MV = { mV: 1, uV: 0.001, V: 1000, nV: 1e-6 };
const SPEEDS = [25, 50], GAINS = [10, 20, 5];
const ORDER = [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]];

const value = (dataset, tag) => dataset?.[tag]?.Value?.[0];
const number = (dataset, tag, otherwise) => { const found = Number(value(dataset, tag) ?? NaN); return Number.isFinite(found) ? found : otherwise; };
const meaning = (dataset, tag) => { const code = value(dataset, tag); return value(code, "00080104") ?? value(code, "00080100") ?? ""; };

export async function waveform(base) {
  const [dataset] = await ask(`${base}/metadata`, { headers: { accept: "application/dicom+json" } });
  const groups = (dataset["54000100"]?.Value ?? []).map(groupOf).filter((group) => group.channels.length && group.rate > 0 && group.samples > 0);
  if (!groups.length) return el("article", { class: "other text" }, el("p", {}, _("This waveform cannot be drawn.")));
  return new Sheet(groups, notes(dataset)).element;
}

function groupOf(item, index) {
  const bits = number(item, "54001004", 16), kind = value(item, "54001006") ?? "SS";
  const channels = (item["003A0200"]?.Value ?? []).slice(0, 128).map((channel) => {
    const unit = value(value(channel, "003A0211"), "00080100") ?? "", isVoltage = unit in MV;
    const scale = channel["003A0210"] ? number(channel, "003A0210", 1) * number(channel, "003A0212", 1) : 1;
    return { name: (meaning(channel, "003A0208") || value(channel, "003A0203") || "").replace(/^Lead\s+|\s*\(.*\)$/g, ""),
      unit: isVoltage ? "mV" : unit, isVoltage, scale: scale * (MV[unit] ?? 1), offset: number(channel, "003A0213", 0) * (MV[unit] ?? 1) };
  });
  return { name: value(item, "003A0020") || `${index + 1}`, channels, rate: number(item, "003A001A", 0), samples: number(item, "003A0010", 0),
    padding: paddingOf(item["5400100A"], kind), data: item["54001010"], Cells: bits === 8 && kind === "SS" ? Int8Array : CELLS[kind] };
}
function paddingOf(element, kind) {
  const Cells = CELLS[kind], bytes = element?.InlineBinary && Uint8Array.from(atob(element.InlineBinary), (one) => one.charCodeAt(0));
  return bytes && Cells && bytes.length >= Cells.BYTES_PER_ELEMENT ? new Cells(bytes.buffer.slice(0, Cells.BYTES_PER_ELEMENT))[0] : null;
}

// What the machine or a person wrote beside it.
function notes(dataset) {
  return (dataset["0040B020"]?.Value ?? []).slice(0, 300).map((note) => {
    const title = meaning(note, "0040A043"), unit = value(value(note, "004008EA"), "00080100") ?? "";
    const said = value(note, "00700006") ?? value(note, "0040A30A") ?? meaning(note, "0040A168");
    return said === "" || said == null ? null : [title, `${said}${title ? ` ${unit}` : ""}`.trim()];
  }).filter(Boolean);
}

class Sheet {
  constructor(groups, said) {
    Object.assign(this, { groups, group: groups[0], at: 0, speed: 25, gain: 10, kept: new Map() });
    const choose = (label, options, act) => el("label", {}, el("small", {}, label), el("select", { onchange: (event) => { act(event.target.value); this.draw(); } },
      ...options.map(([name, text]) => el("option", { value: name }, text))));
    const hasSheet = groups.some((group) => ORDER.flat().every((name) => group.channels.some((channel) => channel.name === name)));
    this.canvas = el("canvas", { role: "img" });
    this.range = el("output");
    const turn = (text, sign, step) => el("button", { type: "button", "aria-label": text, title: text, onclick: () => this.turn(step) }, sign);
    this.bar = el("div", { class: "sheet-bar" },
      groups.length > 1 ? choose(_("Recording"), groups.map(({ name }, index) => [index, name]), (index) => { this.group = groups[index]; this.at = 0; }) : null,
      hasSheet ? choose(_("Leads"), [["rows", _("below each other")], ["sheet", "4 × 3"]], (layout) => { this.isSheet = layout === "sheet"; }) : null,
      choose("mm/s", SPEEDS.map((one) => [one, one]), (one) => { this.speed = +one; }),
      choose("mm/mV", GAINS.map((one) => [one, one]), (one) => { this.gain = +one; }),
      el("span", {}, turn(_("Earlier"), "‹", -1), this.range, turn(_("Later"), "›", 1)));
    const list = said.length ? [el("dl", { class: "notes" }, ...said.map(([title, text]) => el("div", {}, title ? el("dt", {}, title) : null, el("dd", {}, text))))] : [];
    this.element = el("article", { class: "other text sheet", tabindex: 0 }, this.bar, el("div", { class: "paper" }, this.canvas), ...list);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  get pxPerMm() { return Math.max(1.6, Math.min(6, (this.element.clientWidth - 34) / (SHEET_MM + LABEL_MM))); }
  get seconds() { return Math.max(1, Math.floor(((this.element.clientWidth - 34) / this.pxPerMm - LABEL_MM) / this.speed * 2) / 2); }
  get length() { return this.group.samples / this.group.rate; }
  turn(step) { this.at = Math.max(0, Math.min(Math.max(0, this.length - this.seconds), this.at + step * this.seconds)); this.draw(); }

  // The samples of a stretch of time, as they are stored; of long recordings only the bytes that are needed.
  async cells(group, first, count) {
    const { Cells, channels, data } = group, width = Cells.BYTES_PER_ELEMENT * channels.length;
    if (data?.InlineBinary) return new Cells(Uint8Array.from(atob(data.InlineBinary), (one) => one.charCodeAt(0)).buffer.slice(first * width, (first + count) * width));
    const address = new URL(data.BulkDataURI, location.href), key = `${address} ${first} ${count}`;
    if (!this.kept.has(key)) {
      if (this.kept.size > 8) this.kept.clear();
      this.kept.set(key, fetch(address.pathname + address.search, { headers: { accept: "application/octet-stream", range: `bytes=${first * width}-${(first + count) * width - 1}` } }).then(async (answer) => {
        if (!answer.ok) throw new Error(`${answer.status}`);
        const body = await answer.arrayBuffer(), from = answer.status === 206 ? 0 : first * width;
        return new Cells(body.slice(from, from + Math.floor(Math.min(count * width, body.byteLength - from) / width) * width));
      }));
    }
    return this.kept.get(key);
  }

  async draw() {
    const { group, at } = this, turn = this.turns = (this.turns ?? 0) + 1;
    this.range.textContent = `${round(at)}–${round(Math.min(this.length, at + this.seconds))} / ${round(this.length)} s`;
    if (!group.Cells || !group.data) { this.canvas.replaceWith(el("p", {}, _("This waveform cannot be drawn."))); return; }
    const first = Math.floor(at * group.rate), count = Math.min(group.samples - first, Math.ceil(this.seconds * group.rate));
    const cells = await this.cells(group, first, count).catch((error) => { this.range.textContent = error.message; return null; });
    if (cells && turn === this.turns) this.write(group, cells);
  }

  write(group, cells) {
    const { pxPerMm: mm, canvas } = this, ratio = devicePixelRatio, rows = this.isSheet ? this.sheet(group) : group.channels.map((channel) => [channel]);
    const width = LABEL_MM + this.seconds * this.speed, height = 2 * TOP_MM + rows.length * ROW_MM;
    Object.assign(canvas, { width: Math.round(width * mm * ratio), height: Math.round(height * mm * ratio) });
    Object.assign(canvas.style, { width: `${width * mm}px`, height: `${height * mm}px` });
    canvas.setAttribute("aria-label", `${_("Waveform")} ${group.name}: ${group.channels.map(({ name }) => name).join(", ")}`);
    const context = canvas.getContext("2d"), style = getComputedStyle(canvas), ink = style.color, line = style.getPropertyValue("--grid").trim();
    context.scale(mm * ratio, mm * ratio);
    grid(context, width, height, line);
    Object.assign(context, { lineJoin: "round", font: "3.4px system-ui, sans-serif", fillStyle: ink, strokeStyle: ink, lineWidth: 0.35 });
    rows.forEach((row, at) => {
      const middle = TOP_MM + ROW_MM * (at + 0.5), share = this.seconds / row.length;
      row.forEach((channel, column) => {
        const x = LABEL_MM + column * share * this.speed, perUnit = this.perUnit(channel, group, cells);
        trace(context, { group, channel, cells, x, middle, from: column * share, to: (column + 1) * share, speed: this.speed, perUnit });
        context.fillText(channel.name.slice(0, 14), column ? x + 1 : 1, column ? middle - 6.2 : middle + 1);
        if (!column) this.pulse(context, channel, middle, perUnit);
      });
    });
  }

  // Of the twelve leads four in a row, and II below for the whole time; of others each in a row.
  sheet(group) {
    const named = (name) => group.channels.find((channel) => channel.name === name);
    const rows = [...ORDER.map((row) => row.map(named)), [named("II")]];
    return rows.flat().every(Boolean) ? rows : group.channels.map((channel) => [channel]);
  }

  // Millimetres to a unit: of voltages as chosen; of anything else so that it fills its row.
  perUnit(channel, group, cells) {
    if (channel.isVoltage) return this.gain;
    const index = group.channels.indexOf(channel);
    let most = 0;
    for (let at = index; at < cells.length; at += group.channels.length) most = Math.max(most, Math.abs(cells[at] * channel.scale + channel.offset));
    return most ? (ROW_MM / 2 - 1) / most : 1;
  }

  // A millivolt for 0.2 s; of other units what ten millimetres are.
  pulse(context, channel, middle, perUnit) {
    if (!channel.isVoltage) { context.fillText(`${round(10 / perUnit)} ${channel.unit}/cm`.slice(0, 16), 1, middle + 6); return; }
    const high = Math.min(perUnit, ROW_MM), path = new Path2D(`M${LABEL_MM - 2.5 - 0.2 * this.speed} ${middle}h1v${-high}h${0.2 * this.speed}v${high}h1`);
    context.stroke(path);
  }
}

function trace(context, { group, channel, cells, x, middle, from, to, speed, perUnit }) {
  const count = group.channels.length, index = group.channels.indexOf(channel), last = Math.min(Math.floor(to * group.rate), cells.length / count);
  const path = new Path2D();
  let isDown = false;
  for (let sample = Math.floor(from * group.rate); sample < last; sample++) {
    const cell = cells[sample * count + index];
    if (cell === group.padding) { isDown = false; continue; }
    const y = middle - (cell * channel.scale + channel.offset) * perUnit;
    path[isDown ? "lineTo" : "moveTo"](x + (sample / group.rate - from) * speed, y);
    isDown = true;
  }
  context.stroke(path);
}

function grid(context, width, height, line) {
  for (const [step, thick] of [[1, 0.06], [5, 0.18]]) {
    const path = new Path2D();
    for (let x = LABEL_MM % step; x <= width; x += step) { path.moveTo(x, 0); path.lineTo(x, height); }
    for (let y = TOP_MM % step; y <= height; y += step) { path.moveTo(0, y); path.lineTo(width, y); }
    context.lineWidth = thick;
    context.strokeStyle = line;
    context.stroke(path);
  }
}
