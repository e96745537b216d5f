// What is no stack of pictures: documents, video, waveforms, reports.

import { isVideo, ask } from "./series.js";
import { _, el } from "./text.js";

const DOCUMENT = /\.104\.1$/, WAVEFORM = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.9\./, REPORT = /\.88\./;

export async function openOther(pane, stack) {
  for (const old of pane.element.querySelectorAll(".other, .leave")) old.remove();
  const one = stack.others[0];
  if (!one) { pane.say(_("This series has no pictures.")); return; }
  const base = `/dicom-web/studies/${stack.study}/series/${stack.series}/instances/${one.uid}`;
  if (isVideo(one)) {
    pane.element.append(el("video", { class: "other", src: `${base}/rendered`, controls: true, loop: true, muted: true, playsinline: true }));
  } else if (DOCUMENT.test(one.class)) {
    const [dataset] = await ask(`${base}/metadata`, { headers: { accept: "application/dicom+json" } });
    const address = URL.createObjectURL(new Blob([await bytes(dataset["00420011"])], { type: "application/pdf" }));
    pane.element.append(el("iframe", { class: "other", title: one.title || _("Document"), src: address }),
      el("a", { class: "leave", href: address, target: "_blank", rel: "noopener" }, _("Open the document")));
  } else if (WAVEFORM.test(one.class)) {
    pane.element.append(await waveform(base));
  } else if (REPORT.test(one.class)) {
    const [dataset] = await ask(`${base}/metadata`, { headers: { accept: "application/dicom+json" } });
    pane.element.append(el("article", { class: "other text", tabindex: 0 }, ...content(dataset, 0)));
  } else {
    pane.say(`${one.title || one.modality || ""}: ${_("shown in the full viewer")}`);
  }
}

const value = (dataset, tag) => dataset[tag]?.Value?.[0];
const meaning = (dataset, tag) => { const code = value(dataset, tag); return code ? value(code, "00080104") ?? value(code, "00080100") : ""; };
const name = (person) => (person?.Alphabetic ?? "").split("^").filter(Boolean).join(", ");

// A structured report, item by item (PS3.3 Section C.17.3).
function content(item, depth) {
  const title = meaning(item, "0040A043"), type = value(item, "0040A040"), children = item["0040A730"]?.Value ?? [];
  if (depth > 12) return [];
  const measured = value(item, "0040A300");
  const said = type === "TEXT" ? value(item, "0040A160") : type === "CODE" ? meaning(item, "0040A168")
    : type === "NUM" ? measured && `${value(measured, "0040A30A")} ${value(value(measured, "004008EA") ?? {}, "00080100") ?? ""}`
    : type === "PNAME" ? name(value(item, "0040A123")) : type === "DATE" ? value(item, "0040A121")
    : type === "TIME" ? value(item, "0040A122") : type === "DATETIME" ? value(item, "0040A120") : type === "UIDREF" ? value(item, "0040A124") : "";
  const below = children.flatMap((child) => content(child, depth + 1));
  if (type === "CONTAINER") return [el(depth ? "h3" : "h2", {}, title || _("Report")), ...below];
  return said ? [el("p", {}, title ? el("b", {}, `${title}: `) : null, String(said)), ...below] : below;
}

// An electrocardiogram on its grid: 25 mm/s and 10 mm/mV (PS3.3 Section C.10.9).
async function waveform(base) {
  const [dataset] = await ask(`${base}/metadata`, { headers: { accept: "application/dicom+json" } });
  const group = value(dataset, "54000100") ?? {};
  const channels = group["003A0200"]?.Value ?? [], count = channels.length, rate = +value(group, "003A001A") || 500;
  const samples = await bytes(group["54001010"]);
  const bits = +value(group, "54001004") || 16, isSigned = value(group, "54001006") !== "US";
  const all = bits === 8 ? new Int8Array(samples) : isSigned ? new Int16Array(samples.slice(0, samples.byteLength & ~1)) : new Uint16Array(samples.slice(0, samples.byteLength & ~1));
  const length = Math.min(Math.floor(all.length / count), rate * 30), step = Math.max(1, Math.floor(rate / 250));
  const perSecond = 25, perMv = 10, high = 22, width = length / rate * perSecond;
  const svg = node("svg", { viewBox: `-14 0 ${width + 16} ${high * count + 4}`, role: "img", "aria-label": _("Electrocardiogram") });
  const grid = [];
  for (let x = 0; x <= width; x += 5) grid.push(`M${x} 0V${high * count}`);
  for (let y = 0; y <= high * count; y += 5) grid.push(`M0 ${y}H${width}`);
  svg.append(node("path", { d: grid.join(""), stroke: "#e58b8b66", "stroke-width": 0.15 }));
  channels.forEach((channel, index) => {
    const sensitivity = +(value(channel, "003A0210") ?? 1) * +(value(channel, "003A0212") ?? 1), unit = meaning(channel, "003A0211");
    const unitCode = value(value(channel, "003A0211") ?? {}, "00080100") ?? unit;
    const mv = sensitivity * (unitCode === "uV" ? 0.001 : unitCode === "V" ? 1000 : 1), middle = high * (index + 0.5);
    const points = [];
    for (let i = 0; i < length; i += step) points.push(`${(i / rate * perSecond).toFixed(2)},${(middle - all[i * count + index] * mv * perMv).toFixed(2)}`);
    svg.append(node("polyline", { points: points.join(" "), stroke: "currentColor", "stroke-width": 0.3, fill: "none" }));
    const text = node("text", { x: -13, y: middle, "font-size": 4, fill: "currentColor", stroke: "none" });
    text.textContent = meaning(channel, "003A0208").replace(/^Lead /, "");
    svg.append(text);
  });
  return el("div", { class: "other text", tabindex: 0 }, svg);
}
function node(kind, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [key, one] of Object.entries(attributes)) made.setAttribute(key, one);
  return made;
}
async function bytes(element) {
  if (element?.InlineBinary) return Uint8Array.from(atob(element.InlineBinary), (one) => one.charCodeAt(0)).buffer;
  if (!element?.BulkDataURI) return new ArrayBuffer(0);
  const address = new URL(element.BulkDataURI, location.href);
  return (await fetch(address.pathname + address.search, { headers: { accept: "application/octet-stream" } })).arrayBuffer();
}
