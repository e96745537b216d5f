// Runs first: lets the first picture have the line to itself, then loads the viewer, all of its modules at once, and
// what it will ask for first.

const first = document.getElementById("first");
if (first) await first.decode().catch(() => {});
document.documentElement.dataset.first = "shown";
const modules = ["main", "geometry", "frames", "pane", "pointer", "measures", "toolbar", "text", "window"];
const opened = JSON.parse(document.getElementById("opened").textContent), [series] = opened.first ?? [];
import("./series.js").then(({ stackOf }) => series && stackOf(opened.study.uid, series)).catch(() => {});
const [{ start }] = await Promise.all(modules.map((name) => import(`./${name}.js`)));
start();
