// A worker: decodes frames beside the page.
import { decode } from "./jls.js";

onmessage = ({ data: { id, bytes } }) => {
  try {
    const frame = decode(new Uint8Array(bytes));
    postMessage({ id, frame }, [frame.values.buffer]);
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error) });
  }
};
