// Sending from the study page: the server says how far it is, a line each.
const say = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name] ?? "");

for (const form of document.querySelectorAll("form[data-send]")) {
  form.addEventListener("submit", async event => {
    event.preventDefault();
    const button = form.querySelector("button");
    const said = form.querySelector("[data-said]");
    const bar = form.querySelector("progress");
    button.disabled = true;
    form.querySelector("[data-progress]").hidden = false;
    let last = null;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.status);
      for await (const line of lines(answer.body)) {
        last = JSON.parse(line);
        bar.max = last.of || 1;
        bar.value = last.sent + last.failed;
        said.textContent = say(form.dataset.going, last);
      }
      said.textContent = say(last.failed ? form.dataset.failed : form.dataset.done, last);
    } catch (error) {
      said.textContent = last ? form.dataset.broken : error.message;
    }
    button.disabled = false;
  });
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts.filter(Boolean);
  }
}
