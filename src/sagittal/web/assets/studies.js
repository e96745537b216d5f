// The study list: keys, what is kept for the way back, and what changes while one looks.
const form = document.querySelector("#search");
const box = form.querySelector("#q");
const KEPT = "sagittal-search";

const list = () => document.querySelector("#list");
const links = () => [...document.querySelectorAll("#rows tr[data-uid] a")];

document.addEventListener("keydown", event => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, select, textarea");
  if (event.key === "/" && !field) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape" && event.target === box && box.value) {
    box.value = "";
    box.dispatchEvent(new Event("input", { bubbles: true }));
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (!field || field === box)) {
    move(event, event.key === "ArrowDown" ? 1 : -1);
  }
});

function move(event, step) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  if (at < 0 && document.activeElement !== box && document.activeElement !== document.body) return;
  if (at < 0 && step < 0) return;
  event.preventDefault();
  if (at + step < 0) box.focus();
  else all[Math.min(at + step, all.length - 1)]?.focus();
}

// On the way back the page comes from the server as it was first: what was looked for stays in this tab.
function keep() {
  const said = new URLSearchParams(new FormData(form));
  said.delete("name");
  sessionStorage.setItem(KEPT, said.toString());
}

function recall() {
  const kept = new URLSearchParams(sessionStorage.getItem(KEPT) ?? "");
  const isBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (!isBack || !kept.size || location.search) return;
  for (const [name, value] of kept) {
    const field = form.elements[name];
    if (field && "value" in field) field.value = value;
  }
  htmx.trigger(form, "submit");
}

document.addEventListener("click", event => {
  const button = event.target.closest("[data-whole]");
  if (!button) return;
  event.preventDefault();
  form.action = button.formAction;
  form.submit();
});

// What arrives while one looks: rows say so themselves, further studies wait behind a button so that nothing jumps.
let stream = null;
let cursor = list().dataset.newest;
const further = new Set();

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource(`/studies/changes?after=${encodeURIComponent(cursor)}`);
  stream.addEventListener("studies", event => {
    cursor = event.lastEventId || cursor;
    JSON.parse(event.data).forEach(told);
    offer();
  });
  stream.addEventListener("over", hush);
}

function hush() {
  stream?.close();
  stream = null;
}

function told(study) {
  const row = document.querySelector(`#rows tr[data-uid="${CSS.escape(study.uid)}"]`);
  if (!row) {
    if (study.is_new) further.add(study.uid);
    return;
  }
  const state = row.querySelector("[data-state]");
  state.dataset.state = study.state;
  state.textContent = JSON.parse(list().dataset.words)[study.state];
  const images = row.querySelector("[data-images]");
  if (images) images.textContent = study.instances.toLocaleString(document.documentElement.lang);
}

function offer() {
  const button = document.querySelector("#fresh");
  button.hidden = !further.size;
  if (further.size) {
    const { lang } = document.documentElement;
    const words = JSON.parse(button.dataset.words);
    const text = words[new Intl.PluralRules(lang).select(further.size)] ?? words.other;
    button.textContent = text.replace("%(num)s", further.size.toLocaleString(lang));
  }
}

document.addEventListener("htmx:afterSwap", event => {
  keep();
  if (event.detail.target.id === "list" || event.detail.elt?.id === "list") further.clear();
  offer();
});
document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
addEventListener("pagehide", hush);
addEventListener("pageshow", listen);
if (document.readyState === "complete") recall();
else addEventListener("load", recall);
listen();
