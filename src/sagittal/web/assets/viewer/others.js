// What is no stack of pictures: documents, video, waveforms, reports.

import { isVideo, ask } from "./series.js";
import { _, el, styled } from "./text.js";

styled(new URL("./others.css", import.meta.url).href);

const DOCUMENT = /\.104\.1$/, WAVEFORM = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.9\./, REPORT = /\.88\./;

export async function openOther(pane, stack, index = 0) {
  for (const old of pane.element.querySelectorAll(".other, .leave, .turn")) old.remove();
  const one = stack.others[index];
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
    const { waveform } = await import("./waveform.js");
    pane.element.append(await waveform(base));
  } else if (REPORT.test(one.class)) {
    const [dataset] = await ask(`${base}/metadata`, { headers: { accept: "application/dicom+json" } });
    pane.element.append(el("article", { class: "other text", tabindex: 0 }, ...content(dataset, 0)));
  } else {
    pane.say(`${one.title || one.modality || ""}: ${_("shown in the full viewer")}`);
  }
  if (stack.others.length > 1) pane.element.append(turner(pane, stack, index));
}

// From one object of the series to the next.
function turner(pane, stack, index) {
  const count = stack.others.length, button = (label, sign, to) =>
    el("button", { type: "button", "aria-label": label, title: label, disabled: to < 0 || to >= count, onclick: () => openOther(pane, stack, to).catch((error) => pane.say(error.message)) }, sign);
  return el("nav", { class: "turn", "aria-label": _("Objects of the series") }, button(_("Before"), "‹", index - 1), el("span", {}, `${index + 1} / ${count}`), button(_("Next"), "›", index + 1));
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

async function bytes(element) {
  if (element?.InlineBinary) return Uint8Array.from(atob(element.InlineBinary), (one) => one.charCodeAt(0)).buffer;
  if (!element?.BulkDataURI) return new ArrayBuffer(0);
  const address = new URL(element.BulkDataURI, location.href);
  return (await fetch(address.pathname + address.search, { headers: { accept: "application/octet-stream" } })).arrayBuffer();
}
