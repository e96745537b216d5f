// Finding in the attributes: here, for what is looked for may name somebody.
const box = document.querySelector("#find");
const said = document.querySelector("[data-found]");
const { lang } = document.documentElement;
const words = JSON.parse(said.dataset.words); // by plural category; a language without one of them has "other"
const rules = new Intl.PluralRules(lang);
const rows = [...document.querySelectorAll(".tags tbody tr")].map(row => [row, fold(row.textContent)]);

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function find() {
  const wanted = fold(box.value).split(/\s+/).filter(Boolean);
  let found = 0;
  for (const [row, text] of rows) {
    const isFound = wanted.every(word => text.includes(word) || text.replace(/[(),]/g, "").includes(word));
    row.hidden = !isFound;
    found += isFound;
  }
  said.textContent = (words[rules.select(found)] ?? words.other).replace("%(num)s", found.toLocaleString(lang));
}

box.addEventListener("input", find);
document.addEventListener("keydown", event => {
  if (event.key === "/" && event.target !== box && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
  }
});
find();
