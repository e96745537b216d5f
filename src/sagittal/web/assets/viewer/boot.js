// Runs first: lets the first picture have the line to itself, then loads the viewer, and at the same time what it will
// ask for first.

const first = document.getElementById("first");
if (first) await first.decode().catch(() => {});
document.documentElement.dataset.first = "shown";
const { study, first: [series] } = JSON.parse(document.getElementById("opened").textContent);
if (series) {
  const address = `/view/${study.uid}/series/${series}`;
  window.sagittalAsked = { address, answer: fetch(address, { headers: { accept: "application/json" } }) };
  window.sagittalAsked.answer.catch(() => {});
}
const { start } = await import("./main.js");
start();
