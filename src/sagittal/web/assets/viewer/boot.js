// Runs first: lets the first picture have the line to itself, then loads the viewer, all of its modules at once.

const first = document.getElementById("first");
if (first) await first.decode().catch(() => {});
document.documentElement.dataset.first = "shown";
const modules = ["main", "geometry", "frames", "pane", "pointer", "measures", "toolbar", "text", "series", "window"];
const [{ start }] = await Promise.all(modules.map((name) => import(`./${name}.js`)));
start();
