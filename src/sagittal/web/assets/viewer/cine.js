// Clips by the clock, at their own rate. Frames come as large and as many as the line brings in time: first they are made
// smaller, then every n-th is shown; what was left out comes in the next turns, so that a clip becomes whole.

import * as frames from "./frames.js";

const LEAST = 256, MOST_LEFT_OUT = 12, AHEAD = 8, ADAPT_MS = 400, USUAL_MS = 100;

export class Cine {
  constructor(pane) {
    const { stack, item } = pane, all = stack.items.map((one, index) => ({ item: one, index }));
    this.pane = pane;
    this.list = item.frames > 1 ? all.filter((one) => one.item.uid === item.uid) : all;
    this.begins = [];
    this.total = this.list.reduce((sum, { item: { times, frame } }) => { this.begins.push(sum); return sum + ((times?.length > 1 ? times[frame - 1] : times?.[0]) || USUAL_MS); }, 0);
    this.rate = 1000 * this.list.length / this.total;
    this.full = Math.min(Math.max(...pane.size) * Math.min(2, devicePixelRatio), Math.max(item.rows, item.columns));
    this.known = new Map(); // position -> {wanted, side}: the best that was asked for and came
    this.sizes = new Map(); // side -> [bytes, count]
    Object.assign(this, { side: this.full, stride: 1, shown: 0, turns: 0, position: -1, adapted: performance.now() });
    const start = Math.max(0, this.list.findIndex(({ index }) => index === pane.index));
    this.began = performance.now() - this.begins[start];
    this.tick();
  }

  tick() {
    const now = performance.now(), time = now - this.began;
    this.turns = Math.floor(time / this.total);
    const position = this.at(time % this.total);
    if (position !== this.position) {
      const found = this.here(position);
      if (found) this.show(position, found);
      this.position = position;
      this.ask(position);
    }
    if (now - this.adapted > ADAPT_MS) this.adapt(now);
    const next = this.begins[position + 1] ?? this.total;
    this.timer = setTimeout(() => this.tick(), Math.max(4, next - (performance.now() - this.began) % this.total));
  }
  at(time) {
    let low = 0, high = this.begins.length - 1;
    while (low < high) { const middle = (low + high + 1) >> 1; if (this.begins[middle] <= time) low = middle; else high = middle - 1; }
    return low;
  }
  here(position) {
    const known = this.known.get(position), found = known && frames.here(known.wanted);
    if (known && !found) this.known.delete(position); // forgotten since
    return found;
  }
  show(position, found) {
    const { item, index } = this.list[position];
    this.pane.index = index;
    this.pane.take(item, found);
    this.shown++;
  }

  // The next frames that are not here, as many apart as the line needs; of a clip that is here those that are too small.
  ask(position) {
    const count = this.list.length, wanted = [];
    let last = -this.stride;
    for (let ahead = 1; ahead <= count && wanted.length < AHEAD; ahead++) {
      const there = (position + ahead) % count;
      if (this.here(there) || ahead - last < this.stride) continue;
      last = ahead;
      wanted.push(there);
    }
    this.missing = wanted.length;
    if (!wanted.length && !frames.isBusy()) {
      const small = this.list.findIndex((_, there) => (this.known.get(there)?.side ?? Infinity) < this.side / 1.3);
      if (small >= 0) wanted.push(small);
    }
    const asked = wanted.map((there) => this.pane.preview(this.list[there].item, this.side));
    frames.letGo(asked);
    const { side } = this;
    asked.forEach((one, turn) => frames.load(one, 1 + turn).then((found) => this.came(wanted[turn], one, side, found), () => {}));
  }
  came(position, wanted, side, found) {
    if (this.isOver || (this.known.get(position)?.side ?? 0) >= side) return;
    this.known.set(position, { wanted, side });
    const [bytes, count] = this.sizes.get(side) ?? [0, 0];
    this.sizes.set(side, [bytes + found.sent, count + 1]);
    if (!this.shown) this.show(position, found);
  }

  // Size and rate by what came over the line of late and what frames of this size were on it.
  adapt(now) {
    const [bytes, count] = this.sizes.get(this.side) ?? [0, 0], { flow } = frames.line;
    this.adapted = now;
    if (!this.missing) this.stride = 1;
    if (!flow || count < 2) return;
    const each = bytes / count, share = flow / (each * this.rate);
    if (share < 0.9 && this.side > LEAST) {
      const side = Math.max(LEAST, Math.min(this.side / 1.3, this.side * Math.sqrt(share)));
      this.stride = this.strideFor(share * (this.side / side) ** 1.6);
      this.side = side;
    } else if (share > 3 && this.side < this.full) {
      this.side = Math.min(this.full, this.side * 1.5);
      this.stride = 1;
    } else this.stride = this.strideFor(share);
  }
  strideFor(share) { return Math.max(1, Math.min(MOST_LEFT_OUT, Math.ceil(0.95 / share))); }

  stop() { this.isOver = true; clearTimeout(this.timer); frames.letGo(); }
}
