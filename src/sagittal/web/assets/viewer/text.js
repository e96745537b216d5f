// What is said to people, in their language where the page brings it along.

const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");
export const _ = (text) => texts[text] ?? text;

// What controls a line or turns letters around is seen, and does not: some of it is what others wrote.
export const visible = (text) => text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/g, "\ufffd");

// Elements: el("button", {class: "x", onclick: f}, "text", child).
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  const some = children.filter((child) => child != null);
  element.append(...some.map((child) => (typeof child === "string" ? visible(child) : child)));
  return element;
}

// The style of what few studies need, asked for with its module.
export function styled(address) {
  if (!document.head.querySelector(`link[href="${address}"]`)) document.head.append(el("link", { rel: "stylesheet", href: address }));
}

// A DICOM date as people here write it.
export function dateOf(text) {
  const found = /^(\d{4})(\d{2})(\d{2})$/.exec(text ?? "");
  if (!found) return text ?? "";
  const date = new Date(Date.UTC(+found[1], found[2] - 1, +found[3]));
  return date.toLocaleDateString(document.documentElement.lang || undefined, { dateStyle: "medium", timeZone: "UTC" });
}

export const round = (value) =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
