// Does with dicomweb-client and dcmjs what a web application does, and tells what came of it as one JSON object.
//   node client.mjs BASE_URL PATIENT_ID
import dcmjs from "dcmjs";
import { api } from "dicomweb-client";

const { DicomMessage, DicomMetaDictionary } = dcmjs.data;

// dicomweb-client speaks XMLHttpRequest, which Node has not: as much of it as it uses, over fetch.
globalThis.XMLHttpRequest = class {
  readyState = 0;
  status = 0;
  response = null;
  responseType = "";
  #headers = {};
  #answered = new Headers();
  open(method, url) {
    this.method = method.toUpperCase();
    this.url = url;
  }
  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }
  getResponseHeader(name) {
    return this.#answered.get(name);
  }
  getAllResponseHeaders() {
    return [...this.#answered].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  }
  async send(body) {
    const answer = await fetch(this.url, { method: this.method, headers: this.#headers, body });
    const data = await answer.arrayBuffer();
    this.status = answer.status;
    this.#answered = answer.headers;
    this.response = data;
    if (this.responseType !== "arraybuffer") {
      const text = new TextDecoder().decode(data);
      this.response = this.responseType === "json" ? JSON.parse(text || "null") : text;
    }
    this.readyState = 4;
    this.onreadystatechange?.();
    this.onloadend?.();
  }
};

const [base, patient] = process.argv.slice(2);
const client = new api.DICOMwebClient({ url: base, verbose: false });
const base64 = (data) => Buffer.from(data).toString("base64");
const plain = (dataset) => DicomMetaDictionary.naturalizeDataset(dataset);
const found = {};

const [study] = (await client.searchForStudies({ queryParams: { PatientID: patient } })).map(plain);
found.study = { uid: study.StudyInstanceUID, instances: study.NumberOfStudyRelatedInstances };
found.nothing = await client.searchForStudies({ queryParams: { PatientID: "nobody" } });
const studyInstanceUID = study.StudyInstanceUID;
const [series] = (await client.searchForSeries({ studyInstanceUID })).map(plain);
const seriesInstanceUID = series.SeriesInstanceUID;
const [instance] = (await client.searchForInstances({ studyInstanceUID, seriesInstanceUID })).map(plain);
const sopInstanceUID = instance.SOPInstanceUID;
found.instance = sopInstanceUID;
const one = { studyInstanceUID, seriesInstanceUID, sopInstanceUID };

const [metadata] = await client.retrieveInstanceMetadata(one);
found.rows = plain(metadata).Rows;
found.metadata = [
  (await client.retrieveStudyMetadata({ studyInstanceUID })).length,
  (await client.retrieveSeriesMetadata({ studyInstanceUID, seriesInstanceUID })).length,
];

const file = await client.retrieveInstance(one);
const parsed = DicomMessage.readFile(file);
found.parsed = plain(parsed.dict).SOPInstanceUID;
found.files = [
  (await client.retrieveStudy({ studyInstanceUID })).length,
  (await client.retrieveSeries({ studyInstanceUID, seriesInstanceUID })).length,
];

found.frames = (await client.retrieveInstanceFrames({ ...one, frameNumbers: [1] })).map(base64);
const mediaTypes = [{ mediaType: "image/jls", transferSyntaxUID: "1.2.840.10008.1.2.4.80" }];
found.jls = (await client.retrieveInstanceFrames({ ...one, frameNumbers: [1], mediaTypes })).map(base64);
const pictures = { mediaTypes: [{ mediaType: "image/png" }] };
found.rendered = (await client.retrieveInstanceRendered({ ...one, ...pictures })).map(base64);
const shown = await client.retrieveInstanceFramesRendered({ ...one, frameNumbers: [1], ...pictures });
found.framesRendered = shown.map(base64);
const small = await client.retrieveInstanceThumbnail({ ...one, mediaTypes: [{ mediaType: "image/jpeg" }] });
found.thumbnail = small.map(base64);
found.bulk = (await client.retrieveBulkData({ BulkDataURI: metadata["7FE00010"].BulkDataURI })).map(base64);
const part = { BulkDataURI: metadata["7FE00010"].BulkDataURI, byteRange: [4, 11] };
found.bulkPart = (await client.retrieveBulkData(part)).map(base64);
const wado = client.buildInstanceWadoURIUrl({ ...one, contentType: "application/dicom", transferSyntax: "*" });
found.wado = (await (await fetch(wado)).arrayBuffer()).byteLength === file.byteLength;

const renamed = plain(parsed.dict);
renamed.SOPInstanceUID = `${sopInstanceUID}.1`;
parsed.dict = DicomMetaDictionary.denaturalizeDataset(renamed);
parsed.meta["00020003"].Value = [renamed.SOPInstanceUID];
const answer = await client.storeInstances({ datasets: [parsed.write()] });
found.stored = plain(JSON.parse(answer)).ReferencedSOPSequence[0].ReferencedSOPInstanceUID;
found.after = (await client.searchForInstances({ studyInstanceUID })).length;
try {
  await client.retrieveStudyMetadata({ studyInstanceUID: "1.2.3.4.5" });
} catch (error) {
  found.absent = error.status;
}
console.log(JSON.stringify(found));
