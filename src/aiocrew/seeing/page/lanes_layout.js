// Which lanes and rows are shown, in which order, and how high. Only heights and positions; nothing is drawn here.

const TRACK_PX = 15;
const HEAD_PX = 24;
const GROUP_PX = 22;
const MOST_ROWS_OPEN = 60; // beyond that, lanes are closed at first

const ORDERS = {
  start: (a, b) => a.from - b.from || a.number - b.number,
  duration: (a, b) => length(b) - length(a) || a.number - b.number,
  waited: (a, b) => b.waited - a.waited || a.number - b.number,
  failed: (a, b) => badness(b) - badness(a) || a.from - b.from || a.number - b.number,
  name: (a, b) => a.name.localeCompare(b.name) || a.number - b.number,
};

function length(run) {
  return Math.min(run.to, 1e15) - run.from;
}

function badness(run) {
  return run.state === "failed" ? 3 : run.state === "cancelled" ? 2 : run.failures ? 1 : 0;
}

const OUTCOMES = { ok: "done", failed: "failed", cancelled: "cancelled", open: "under way" };

class Layout {
  constructor(model) {
    this.model = model;
    this.items = []; // from top to bottom: { type, run, row, y, height, depth, text }
    this.height = 0;
    this.lanes = 0;
    this.sort = "start";
    this.group = "none";
    this.only = 0; // the number of a search: show only runs that it hit
    this.allOpen = null; // as the reader chose
    this.scale = 1; // of the height of closed lanes
    this.closedGroups = new Set();
  }

  // `room`: the pixels that there are for all lanes.
  build(room) {
    const runs = [...this.model.runs.values()].filter((run) => !run.outer && run.kind !== "process");
    const shown = this.only ? runs.filter((run) => isHit(run, this.only)) : runs;
    shown.sort(ORDERS[this.sort]);
    let rows = 0;
    for (const run of this.model.runs.values()) rows += run.rows.size;
    this.openByDefault = rows <= MOST_ROWS_OPEN;
    this.laneHeight = Math.max(4, Math.min(22, Math.floor(room / Math.max(1, shown.length)))) * this.scale;
    this.items = [];
    this.height = 0;
    this.lanes = shown.length;
    const process = this.model.runs.get("");
    if (process) this.add("run", process, process.root, Math.max(18, process.root.tracks.length * TRACK_PX + 4), 0);
    for (const [name, members] of this.grouped(shown)) {
      if (name !== null) this.addGroup(name, members);
      if (!this.closedGroups.has(name)) for (const run of members) this.addRun(run, 0);
    }
  }

  grouped(runs) {
    if (this.group === "none") return [[null, runs]];
    const groups = new Map();
    for (const run of runs) {
      const name = this.group === "name" ? run.name : OUTCOMES[run.state];
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(run);
    }
    return groups;
  }

  addGroup(name, members) {
    const failed = members.filter((run) => run.state === "failed").length;
    const text = `${name} · ${counted(members.length, "run", "runs")}${failed ? ` · ${count(failed)} failed` : ""}`;
    this.items.push({ type: "group", run: null, row: null, name, text, y: this.height, height: GROUP_PX, depth: 0 });
    this.height += GROUP_PX;
  }

  isOpen(run) {
    return run.kind !== "process" && (run.isOpen ?? this.allOpen ?? this.openByDefault);
  }

  addRun(run, depth) {
    if (!this.isOpen(run)) {
      const least = Math.min(run.tracks.length * 3, 60);
      this.add("closed", run, run.root, Math.max(depth ? Math.max(this.laneHeight, 14) : this.laneHeight, least), depth);
      return;
    }
    const tracks = run.root.tracks.length;
    this.add("run", run, run.root, Math.max(HEAD_PX, tracks * TRACK_PX + 6), depth);
    this.addInside(run.root, depth + 1);
  }

  addInside(row, depth) {
    for (const inner of row.children) {
      this.add("row", inner.run, inner, Math.max(1, inner.tracks.length) * TRACK_PX + 5, depth);
      this.addInside(inner, depth + 1);
    }
    for (const run of row.nested) this.addRun(run, depth);
  }

  add(type, run, row, height, depth) {
    this.items.push({ type, run, row, y: this.height, height, depth, text: "" });
    this.height += height;
  }

  // The index of the item at height `y`: binary search, as they lie one below the other.
  at(y) {
    let [low, high] = [0, this.items.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.items[middle].y <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // Where a run or a row stands: its own item, or the closed lane that holds it.
  find(run, row) {
    const own = this.items.findIndex((item) => item.row === row);
    if (own >= 0) return own;
    for (let at = run; at; at = at.outer) {
      const index = this.items.findIndex((item) => item.run === at && item.type !== "row");
      if (index >= 0) return index;
    }
    return -1;
  }

  itemOf(row) {
    return this.items[this.find(row.run, row)] ?? null;
  }
}

function isHit(run, search) {
  return run.hit === search || run.nested.some((inner) => isHit(inner, search));
}

// Where the bars of one track lie within their item.
function trackTop(item, index) {
  if (item.type === "closed") {
    const room = Math.max(1, item.height - (item.height > 8 ? 2 : 1));
    return item.y + (item.height > 8 ? 1 : 0) + Math.floor((room * index) / Math.max(1, item.run.tracks.length));
  }
  return item.y + (item.type === "run" ? 4 : 3) + index * TRACK_PX;
}

function trackHeight(item) {
  if (item.type !== "closed") return TRACK_PX - 2;
  const room = Math.max(1, item.height - (item.height > 8 ? 2 : 1));
  return Math.max(1, Math.floor(room / Math.max(1, item.run.tracks.length)));
}

function tracksOf(item) {
  return item.type === "closed" ? item.run.tracks : item.row.tracks;
}

// The first bar of a track that ends after `time`. Bars of a track do not overlap, so both their ends are in order.
function firstAfter(track, time) {
  let [low, high] = [0, track.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (track[middle].to <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

// How many calls were in flight, and how many waited, from when on.
class Flight {
  constructor() {
    this.times = new Float64Array(0);
    this.sent = new Int32Array(0);
    this.waiting = new Int32Array(0);
    this.peak = 0;
    this.peakBoth = 0;
    this.busy = 0;
  }

  build(bars, now) {
    const edges = [];
    const add = (from, to, sent, waiting) => {
      edges.push([from, sent, waiting], [Math.min(to, now), -sent, -waiting]);
      this.busy += sent * (Math.min(to, now) - from);
    };
    this.busy = 0;
    for (const bar of bars) {
      if (bar.kind === "tool") add(bar.from, bar.to, 1, 0);
      else if (bar.kind === "model" && bar.parts.length === 0) add(bar.from, bar.to, 1, 0);
      else if (bar.kind === "model") {
        for (const { kind, from, to } of bar.parts) {
          if (kind === "sent" || kind === "failed") add(from, to, 1, 0);
          else if (kind === "wait") add(from, to, 0, 1);
        }
      }
    }
    edges.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    this.times = new Float64Array(edges.length);
    this.sent = new Int32Array(edges.length);
    this.waiting = new Int32Array(edges.length);
    this.peak = this.peakBoth = 0;
    let [sent, waiting] = [0, 0];
    edges.forEach(([time, more, longer], at) => {
      this.times[at] = time;
      this.sent[at] = sent += more;
      this.waiting[at] = waiting += longer;
      this.peak = Math.max(this.peak, sent);
      this.peakBoth = Math.max(this.peakBoth, sent + waiting);
    });
  }

  // From when until when: calls in flight on average, their peak, and the seconds that calls waited.
  within(from, to) {
    let at = this.before(from);
    let [sent, waiting] = at < 0 ? [0, 0] : [this.sent[at], this.waiting[at]];
    let [busy, waited, peak, since] = [0, 0, sent, from];
    while (since < to) {
      at += 1;
      const until = at < this.times.length ? Math.min(this.times[at], to) : to;
      busy += sent * (until - since);
      waited += waiting * (until - since);
      since = until;
      if (since < to) [sent, waiting] = [this.sent[at], this.waiting[at]];
      peak = Math.max(peak, sent);
    }
    return { overlap: to > from ? busy / (to - from) : sent, peak, waited };
  }

  // The index of the last edge at or before `time`; -1 before all.
  before(time) {
    let [low, high] = [-1, this.times.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
