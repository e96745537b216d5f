// Finding in the attributes: here, for what is looked for may name somebody.
const box = document.querySelector("#find");
const said = document.querySelector("[data-found]");
const rows = [...document.querySelectorAll(".tags tbody tr")].map(row => [row, fold(row.textContent)]);

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function find() {
  const words = fold(box.value).split(/\s+/).filter(Boolean);
  let found = 0;
  for (const [row, text] of rows) {
    const isFound = words.every(word => text.includes(word) || text.replace(/[(),]/g, "").includes(word));
    row.hidden = !isFound;
    found += isFound;
  }
  said.textContent = said.dataset.words.replace("{count}", found.toLocaleString(document.documentElement.lang));
}

box.addEventListener("input", find);
document.addEventListener("keydown", event => {
  if (event.key === "/" && event.target !== box && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
  }
});
find();
