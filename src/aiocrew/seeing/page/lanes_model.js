// What the events come to: runs, their rows, the bars on them. One reducer, `apply`, for what is embedded and what is
// streamed. An event that comes twice (a stream that was interrupted begins again) changes nothing.

const LEAVES = new Set(["model", "tool", "callback", "guardrail", "human"]);
const TOUCHING_S = 1e-9;
const SAME_CLOCK_S = 1; // clocks that differ by less, as wall time is set now and then, are taken for one
const CANCELLED = /^CancelledError\(/;

class Bar {
  constructor(kind, run, row, path, from, label, about) {
    this.kind = kind;
    this.run = run;
    this.row = row;
    this.path = path;
    this.from = from;
    this.to = Infinity; // until it ends
    this.label = oneLine(label);
    this.about = about; // what the details show, by name
    this.state = "open"; // open, ok, failed, cancelled
    this.error = "";
    this.parts = null; // of a model call: waiting, sent, failed, delay
    this.first = NaN; // when the first token came
    this.pieceAt = -Infinity; // when the last piece of its reply came, and by which connection
    this.connection = 0;
    this.attempt = 1; // the one that the pieces are of
    this.agent = kind === "model" ? oneLine(about.agent ?? "") : "";
    this.written = ""; // what was last written on it, how wide that is, and how it was cut to fit
    this.writtenWidth = 0;
    this.fits = -1;
    this.shown = "";
    this.hit = 0; // the number of the search that it fits
    this.key = `${run.id} ${path} ${kind}`;
  }
}

class Row {
  constructor(run, path, kind, label, parent, from) {
    this.run = run;
    this.path = path;
    this.kind = kind; // run, task, agent, coworker, method
    this.parent = parent;
    this.depth = parent ? parent.depth + 1 : 0;
    this.children = [];
    this.nested = []; // runs that were started inside
    this.tracks = [];
    this.bars = [];
    this.span = new Bar(kind, run, this, path, from, label, {});
  }
}

class Run {
  constructor(id, kind, path, name, from, number) {
    this.id = id;
    this.kind = kind; // crew, flow, agent, process
    this.name = oneLine(name);
    this.number = number;
    this.outer = null;
    this.nested = [];
    this.isOpen = null; // as the reader chose; null is as usual
    this.tracks = []; // leaves of the run and of those inside it, for a closed lane
    this.rows = new Map();
    this.found = new Map(); // bars by path and kind
    this.waited = 0;
    this.calls = 0;
    this.tokens = 0;
    this.cost = 0;
    this.failures = 0;
    this.wallMinusAt = NaN;
    this.shift = 0; // what is added to its times
    this.hit = 0;
    this.root = new Row(this, path, "run", name, null, from);
    this.rows.set(path, this.root);
  }

  get from() { return this.root.span.from; }
  get to() { return this.root.span.to; }
  get state() { return this.root.span.state; }

  rowAt(path) {
    for (let at = path; at; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
      const row = this.rows.get(at);
      if (row) return row;
    }
    return this.root;
  }
}

class Model {
  constructor() {
    this.runs = new Map();
    this.bars = [];
    this.rows = 0;
    this.origin = Infinity; // the first event of all
    this.first = Infinity; // of those that are kept
    this.last = -Infinity;
    this.horizon = -Infinity; // what ended until then was let go
    this.runsLetGo = 0;
    this.missed = 0; // events that a stream left out
    this.connection = 0; // counted from 1 as the stream is connected; 0 is what is embedded
    this.wallMinusAt = NaN; // of the clock that all times are shown by
    this.structure = 0; // changes when rows or tracks were added
    this.changes = 0; // changes with every event
    this.totals = { calls: 0, tools: 0, tokens: 0, cost: 0, waited: 0, failed: 0 };
  }

  apply(told) {
    if (!isEvent(told)) return;
    const shift = this.shiftOf(told);
    const event = shift ? { ...told, at_s: told.at_s + shift, shift } : told;
    if (event.at_s <= this.horizon) return;
    const began = event.at_s - (event.blocked_s ?? event.held_s ?? 0);
    this.origin = Math.min(this.origin, began);
    this.first = Math.min(this.first, Math.max(began, this.horizon));
    if (event.at_s > this.last) this.last = event.at_s;
    this.changes += 1;
    HANDLERS[event.type](this, event);
  }

  // Seconds of a loop are those since its machine started, or since virtual time began: what brings those of a run to
  // the clock of the first one is the difference that wall time tells.
  shiftOf(event) {
    const run = event.run_id ? this.runs.get(event.run_id) ?? this.runs.get(event.outer) : undefined;
    if (run) return run.shift;
    const wallMinusAt = event.wall_s - event.at_s;
    if (Number.isNaN(wallMinusAt)) return 0;
    if (Number.isNaN(this.wallMinusAt)) this.wallMinusAt = wallMinusAt;
    const shift = wallMinusAt - this.wallMinusAt;
    return Math.abs(shift) > SAME_CLOCK_S ? shift : 0;
  }

  addRun(event, kind, path, name) {
    const run = new Run(event.run_id, kind, path, name, event.at_s, this.runs.size + this.runsLetGo);
    run.shift = event.shift ?? 0;
    run.wallMinusAt = event.wall_s - event.at_s;
    this.runs.set(run.id, run);
    this.rows += 1;
    this.structure += 1;
    return run;
  }

  // Runs

  beginRun(event, kind, name) {
    if (this.runs.has(event.run_id)) return;
    const run = this.addRun(event, kind, event.path, name);
    run.root.span.about = { inputs: event.inputs ?? null };
    const outer = event.outer ? this.runs.get(event.outer) : undefined;
    if (outer) {
      run.outer = outer;
      outer.nested.push(run);
      outer.rowAt(event.path).nested.push(run);
    }
  }

  // A run whose beginning nobody recorded, or what belongs to no run.
  runOf(event) {
    const known = this.runs.get(event.run_id);
    if (known) return known;
    const [kind, name] = event.run_id ? ["crew", `run ${event.run_id.slice(0, 8)}`] : ["process", "event loop"];
    return this.addRun(event, kind, event.run_id ? "run" : "", name);
  }

  endRun(event, state, about) {
    const run = this.runOf(event);
    this.endSpan(run.root, event, state, about);
  }

  // Rows

  beginRow(event, kind, label, about, path = event.path) {
    const run = this.runOf(event);
    const known = run.rows.get(path);
    if (known) {
      if (known.kind !== "run") Object.assign(known.span.about, about);
      return;
    }
    const row = new Row(run, path, kind, label, run.rowAt(path), event.at_s);
    row.span.about = about;
    run.rows.set(path, row);
    row.parent.children.push(row);
    this.rows += 1;
    this.structure += 1;
  }

  endRow(event, state, about, kind) {
    const row = this.runOf(event).rows.get(event.path);
    if (row && (!kind || row.kind === kind)) this.endSpan(row, event, state, about);
  }

  endSpan(row, event, state, about) {
    const span = row.span;
    if (span.state !== "open") return;
    span.to = event.at_s;
    span.state = event.cancelled ? "cancelled" : endState(event, state);
    span.error = event.error ?? "";
    Object.assign(span.about, about);
    if (row.kind !== "run") return;
    if (span.state === "failed") this.totals.failed += 1;
    this.closeAll(row.run, event.at_s, span.state === "ok" ? "ok" : "cancelled");
  }

  // What a run leaves open when it ends was cut short with it, as a question to a person is; or its end was missed.
  closeAll(run, at, state) {
    const open = [...run.found.values(), ...[...run.rows.values()].map((row) => row.span)];
    for (const bar of open) {
      if (bar.state !== "open") continue;
      if (bar.parts) this.endPart(bar, at);
      bar.to = Math.max(bar.from, at);
      bar.state = state;
    }
  }

  // Bars

  beginBar(event, kind, label, about) {
    const run = this.runOf(event);
    const key = `${event.path} ${kind}`;
    const known = run.found.get(key);
    if (known && known.from >= event.at_s - TOUCHING_S) return known;
    const row = run.rowAt(event.path);
    const bar = new Bar(kind, run, row, event.path, event.at_s, label, about);
    run.found.set(key, bar);
    this.bars.push(bar);
    row.bars.push(bar);
    this.place(row.tracks, bar);
    if (LEAVES.has(kind)) for (let at = run; at; at = at.outer) this.place(at.tracks, bar);
    return bar;
  }

  // The first track that is free: parallel calls lie beside each other, and no two bars of a track overlap.
  place(tracks, bar) {
    for (const track of tracks) {
      const last = track[track.length - 1];
      if (last.to <= bar.from + TOUCHING_S) {
        track.push(bar);
        return;
      }
    }
    tracks.push([bar]);
    this.structure += 1;
  }

  // A tool call turned out to hand work on: what it waits for has bars of its own.
  becomeDelegation(event) {
    const bar = this.openBar(event, "tool");
    if (!bar || bar.kind === "delegation") return;
    bar.kind = "delegation";
    bar.label = oneLine(`→ ${event.coworker}`);
    Object.assign(bar.about, { coworker: event.coworker, work: event.work });
    for (let run = bar.run; run; run = run.outer) {
      run.tracks = run.tracks.map((track) => track.filter((other) => other !== bar)).filter((track) => track.length);
    }
    this.structure += 1;
  }

  openBar(event, kind) {
    const bar = this.runOf(event).found.get(`${event.path} ${kind}`);
    return bar && bar.state === "open" ? bar : null;
  }

  endBar(event, kind, state, about) {
    const bar = this.openBar(event, kind);
    if (!bar) return null;
    bar.to = Math.max(bar.from, event.at_s);
    bar.state = endState(event, state);
    bar.error = event.error ?? "";
    Object.assign(bar.about, about);
    if (bar.state === "failed") bar.run.failures += 1;
    return bar;
  }

  // Parts of a model call

  beginPart(event, kind, about) {
    const bar = this.openBar(event, "model");
    if (!bar) return;
    const last = bar.parts[bar.parts.length - 1];
    if (last && last.from > event.at_s + TOUCHING_S) return; // it was told before
    const isSame = (part) => part.attempt === event.attempt && part.limit === about.limit
      && (part.kind === kind || (part.kind === "failed" && kind === "sent"));
    if (bar.parts.some((part) => isSame(part) && part.from > event.at_s - TOUCHING_S)) return;
    this.endPart(bar, event.at_s);
    bar.parts.push({ kind, from: event.at_s, to: Infinity, ...about });
  }

  endPart(bar, at) {
    const part = bar.parts[bar.parts.length - 1];
    if (!part || part.to < Infinity) return;
    part.to = Math.max(part.from, at);
    if (part.kind !== "wait") return;
    this.totals.waited += part.to - part.from;
    for (let run = bar.run; run; run = run.outer) run.waited += part.to - part.from;
  }

  retry(event) {
    const bar = this.openBar(event, "model");
    if (!bar || bar.parts.some((part) => part.kind === "delay" && part.attempt === event.attempt)) return;
    const sent = bar.parts[bar.parts.length - 1];
    this.endPart(bar, event.at_s);
    if (sent && sent.kind === "sent") Object.assign(sent, { kind: "failed", error: event.error });
    const about = { attempt: event.attempt, error: event.error, delay: event.delay_s };
    bar.parts.push({ kind: "delay", from: event.at_s, to: Infinity, ...about });
    bar.first = NaN;
    delete bar.about.pieces; // what an attempt said before it failed is void
  }

  endCall(event, state) {
    const bar = this.openBar(event, "model");
    if (!bar) return;
    this.endPart(bar, event.at_s);
    if (state === "ok") delete bar.about.pieces;
    const usage = event.usage ?? {};
    const tokens = (usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0);
    const { text, calls, finish_reason, cost_usd, response_model } = event;
    this.endBar(event, "model", state, state === "ok"
      ? { text, calls, usage, finish: finish_reason, cost: cost_usd, answered: response_model } : {});
    this.totals.calls += 1;
    this.totals.tokens += tokens;
    this.totals.cost += cost_usd ?? 0;
    for (let run = bar.run; run; run = run.outer) {
      run.calls += 1;
      run.tokens += tokens;
      run.cost += cost_usd ?? 0;
    }
  }

  // A piece of a reply. One connection repeats none, though several may come at the same moment; another one may begin
  // anew, and then begins with the call.
  addPiece(bar, event) {
    const attempt = event.attempt ?? 1;
    if (attempt < bar.attempt) return;
    if (attempt > bar.attempt) {
      delete bar.about.pieces;
      bar.attempt = attempt;
    }
    if (event.at_s < bar.pieceAt || (event.at_s === bar.pieceAt && bar.connection !== this.connection)) return;
    bar.about.pieces = (bar.about.pieces ?? "") + event.text;
    bar.pieceAt = event.at_s;
    bar.connection = this.connection;
  }

  beginAnew(bar) {
    if (bar.state !== "open" || bar.connection === this.connection) return;
    bar.connection = this.connection;
    bar.attempt = 1;
    bar.pieceAt = -Infinity;
    delete bar.about.pieces;
  }

  stalled(event, kind, label, seconds, about) {
    const from = event.at_s - seconds;
    const bar = this.beginBar({ ...event, path: `${kind} ${event.at_s}`, at_s: from }, kind, label, about);
    if (bar.state !== "open") return;
    bar.to = event.at_s;
    bar.state = "ok";
  }
}
