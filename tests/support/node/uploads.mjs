// tus-js-client against a running server: uploads in pieces, stops and goes on, gives up, speaks the IETF draft.
import { readFile } from "node:fs/promises";
import { Upload } from "tus-js-client";

const [endpoint, path] = process.argv.slice(2);
const data = await readFile(path);

function upload(options, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    const one = new Upload(data, {
      endpoint, chunkSize: 5_000, retryDelays: null, metadata: { filename: "cd.zip" }, ...options,
      onSuccess: () => resolve(one), onError: reject,
      onChunkComplete: (size, sent) => onProgress(one, sent, resolve, size),
    });
    one.start();
  });
}

const stopped = await upload({}, (one, sent, resolve) => {
  if (sent >= 10_000) one.abort().then(() => resolve(one));
});
let resumedFrom = 0;
const resumed = await upload({ uploadUrl: stopped.url, chunkSize: 50_000 }, (_, sent, __, size) => { resumedFrom ||= sent - size; });
const given = await upload({}, (one, sent, resolve) => { one.abort(true).then(() => resolve(one)); });
const ietf03 = await upload({ protocol: "ietf-draft-03", chunkSize: Infinity });
const ietf05 = await upload({ protocol: "ietf-draft-05" });
console.log(JSON.stringify({
  tus: resumed.url, resumedFrom, terminated: given.url, ietf03: ietf03.url, ietf05: ietf05.url,
}));
