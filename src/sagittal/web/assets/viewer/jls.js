// Decodes JPEG-LS (ISO/IEC 14495-1), one component of up to 16 bits, lossless or near-lossless. Plain script: it needs
// no more of the page than any other module, and 2 kB on the line.

const J = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const MOST_PIXELS = 64 * 1024 * 1024;

export function decode(data) {
  const head = read(data);
  const out = new Uint16Array(head.columns * head.rows);
  scan(data, head, out);
  return { columns: head.columns, rows: head.rows, near: head.near, bits: head.bits, values: out };
}

function read(data) {
  const head = { near: 0, preset: [] };
  let at = 2;
  if (data[0] !== 0xff || data[1] !== 0xd8) throw new Error("this is no JPEG-LS");
  for (;;) {
    while (data[at] === 0xff && data[at + 1] === 0xff) at++;
    const marker = data[at + 1], length = data[at + 2] << 8 | data[at + 3], body = at + 4;
    if (data[at] !== 0xff || !(length >= 2) || at + 2 + length > data.length) throw new Error("a marker is torn");
    if (marker === 0xf7) {
      [head.bits, head.rows, head.columns] = [data[body], word(data, body + 1), word(data, body + 3)];
      if (data[body + 5] !== 1) throw new Error("one component is decoded here");
      if (!(head.bits >= 2 && head.bits <= 16) || !head.rows || !head.columns || head.rows * head.columns > MOST_PIXELS)
        throw new Error("a frame of that size is not decoded");
    } else if (marker === 0xf8 && data[body] === 1) {
      head.preset = [1, 3, 5, 7, 9].map((step) => word(data, body + step));
    } else if (marker === 0xda) {
      head.near = data[body + 1 + 2 * data[body]];
      head.start = at + 2 + length;
      if (!head.bits) throw new Error("a scan without a frame");
      return head;
    }
    at += 2 + length;
  }
}
const word = (data, at) => data[at] << 8 | data[at + 1];

// Section C.2.4.1.1
function thresholds(most, near, preset) {
  const clamp = (value, least) => (value > most || value < least ? least : value);
  let one, two, three;
  if (most >= 128) {
    const factor = Math.floor((Math.min(most, 4095) + 128) / 256);
    one = clamp(factor + 2 + 3 * near, near + 1);
    two = clamp(factor * 4 + 3 + 5 * near, one);
    three = clamp(factor * 17 + 4 + 7 * near, two);
  } else {
    const factor = Math.floor(256 / (most + 1));
    one = clamp(Math.max(2, Math.floor(3 / factor) + 3 * near), near + 1);
    two = clamp(Math.max(3, Math.floor(7 / factor) + 5 * near), one);
    three = clamp(Math.max(4, Math.floor(21 / factor) + 7 * near), two);
  }
  return [preset[1] || one, preset[2] || two, preset[3] || three];
}

function scan(data, { columns, rows, bits: depth, near, start, preset }, out) {
  const most = preset[0] || (1 << depth) - 1, reset = preset[4] || 64;
  const [t1, t2, t3] = thresholds(most, near, preset);
  const step = 2 * near + 1, range = Math.floor((most + 2 * near) / step) + 1;
  const quantized = Math.ceil(Math.log2(range)), wide = Math.max(2, Math.ceil(Math.log2(most + 1)));
  const limit = 2 * (wide + Math.max(8, wide)), span = range * step;
  const A = new Int32Array(367).fill(Math.max(2, (range + 32) >> 6)), N = new Int32Array(367).fill(1);
  const B = new Int32Array(367), C = new Int32Array(367), negative = [0, 0];
  const level = levels(most, near, t1, t2, t3);
  let previous = new Int32Array(columns + 2), current = new Int32Array(columns + 2), run = 0;

  // Bits: at the top of `held`; after 0xFF a byte holds seven (Section 9.1).
  let held = 0, count = 0, at = start, isStuffed = false;
  const fill = () => {
    while (count <= 24) {
      const byte = at < data.length ? data[at] : 0;
      if (isStuffed && byte > 0x7f || at >= data.length) { count += 8; continue; } // a marker: zeros from here on
      at++;
      if (isStuffed) { held |= byte << (25 - count); count += 7; } else { held |= byte << (24 - count); count += 8; }
      isStuffed = byte === 0xff;
    }
  };
  const take = (n) => {
    if (n === 0) return 0;
    if (count < n) fill();
    const value = held >>> (32 - n);
    held <<= n;
    count -= n;
    return value;
  };
  const golomb = (k, most_zeros) => {
    let zeros = 0;
    for (;;) {
      if (count <= 24) fill();
      const some = Math.min(Math.clz32(held), count);
      if (some < count) { zeros += some; held <<= some; held <<= 1; count -= some + 1; break; }
      zeros += some; held = 0; count = 0;
      if (zeros > 128) throw new Error("the scan is torn");
    }
    return zeros < most_zeros - quantized - 1 ? zeros << k | take(k) : take(quantized) + 1;
  };
  const settle = (value) => {
    if (value < -near) value += span; else if (value > most + near) value -= span;
    return value < 0 ? 0 : value > most ? most : value;
  };

  for (let row = 0; row < rows; row++) {
    current[0] = previous[1];
    previous[columns + 1] = previous[columns];
    let x = 1;
    while (x <= columns) {
      const a = current[x - 1], b = previous[x], c = previous[x - 1], d = previous[x + 1];
      let q = (level[d - b + most] * 9 + level[b - c + most]) * 9 + level[c - a + most];
      if (q !== 0) {
        const sign = q < 0 ? -1 : 1;
        if (q < 0) q = -q;
        let p = c >= (a > b ? a : b) ? (a < b ? a : b) : c <= (a < b ? a : b) ? (a > b ? a : b) : a + b - c;
        p += sign * C[q];
        p = p < 0 ? 0 : p > most ? most : p;
        let k = 0;
        for (let n = N[q]; n < A[q]; n <<= 1) k++;
        const m = golomb(k, limit);
        const isOdd = m & 1;
        let error = near === 0 && k === 0 && 2 * B[q] <= -N[q] ? (isOdd ? m >> 1 : -(m >> 1) - 1)
          : isOdd ? -((m + 1) >> 1) : m >> 1;
        B[q] += error * step;
        A[q] += error < 0 ? -error : error;
        if (N[q] === reset) { A[q] >>= 1; B[q] = B[q] >= 0 ? B[q] >> 1 : -((1 - B[q]) >> 1); N[q] >>= 1; }
        N[q]++;
        if (B[q] <= -N[q]) { B[q] += N[q]; if (C[q] > -128) C[q]--; if (B[q] <= -N[q]) B[q] = 1 - N[q]; }
        else if (B[q] > 0) { B[q] -= N[q]; if (C[q] < 127) C[q]++; if (B[q] > 0) B[q] = 0; }
        current[x++] = settle(p + sign * error * step);
        continue;
      }
      let isEnd = false;
      while (take(1)) {
        const length = 1 << J[run], stop = Math.min(columns, x + length - 1);
        const isWhole = x + length - 1 <= columns;
        while (x <= stop) current[x++] = a;
        if (isWhole && run < 31) run++;
        if (x > columns) { isEnd = true; break; }
      }
      if (isEnd) continue;
      const left = take(J[run]);
      for (let n = 0; n < left && x <= columns; n++) current[x++] = a;
      if (x > columns) throw new Error("the scan is torn");
      const above = previous[x], kind = Math.abs(a - above) <= near ? 1 : 0, context = 365 + kind;
      const weight = A[context] + (kind ? N[context] >> 1 : 0);
      let k = 0;
      for (let n = N[context]; n < weight; n <<= 1) k++;
      const m = golomb(k, limit - J[run] - 1), whole = m + kind, map = whole & 1;
      let error = (whole + map) >> 1;
      if ((k !== 0 || 2 * negative[kind] >= N[context]) === (map === 1)) error = -error;
      if (error < 0) negative[kind]++;
      A[context] += (m + 1 - kind) >> 1;
      if (N[context] === reset) { A[context] >>= 1; N[context] >>= 1; negative[kind] >>= 1; }
      N[context]++;
      const sign = kind === 0 && a > above ? -1 : 1;
      current[x++] = settle((kind ? a : above) + sign * error * step);
      if (run > 0) run--;
    }
    out.set(current.subarray(1, columns + 1), row * columns);
    [previous, current] = [current, previous];
  }
}

// The quantized gradient of each difference from -most to most (Section A.3.3).
function levels(most, near, t1, t2, t3) {
  const table = new Int8Array(2 * most + 1);
  for (let d = -most; d <= most; d++)
    table[d + most] = d <= -t3 ? -4 : d <= -t2 ? -3 : d <= -t1 ? -2 : d < -near ? -1 : d <= near ? 0
      : d < t1 ? 1 : d < t2 ? 2 : d < t3 ? 3 : 4;
  return table;
}
