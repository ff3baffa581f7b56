// What a page that follows a stream for hours keeps: the newest. Beyond these numbers, what ended longest ago goes.

const MOST_THINGS = 12_000; // bars and rows
const MOST_CHARACTERS = 60e6; // of prompts, replies, results
const KEPT_SHARE = 0.8; // a whole fifth goes at once, so that it is seldom

class Keeper {
  constructor(model) {
    this.model = model;
    this.said = new Map(); // a transcript comes anew with every turn, and its texts are kept once
    this.characters = 0;
    this.mostThings = MOST_THINGS;
    this.mostCharacters = MOST_CHARACTERS;
  }

  // Take in one event of the stream. Tells whether older ones went.
  take(event, length) {
    const { model } = this;
    if (!isEvent(event)) return false;
    if (event.request) this.share(event.request.messages);
    else this.characters += length;
    model.apply(event);
    if (model.bars.length + model.rows <= this.mostThings && this.characters <= this.mostCharacters) return false;
    const horizon = this.horizon();
    if (horizon > model.horizon) this.letGo(horizon);
    // Where nearly all is still under way, the next look comes when there is a fifth more.
    this.mostThings = Math.max(MOST_THINGS, (model.bars.length + model.rows) * 1.2);
    this.mostCharacters = Math.max(MOST_CHARACTERS, this.characters * 1.2);
    return true;
  }

  share(messages) {
    for (const message of messages) message.text = this.note(message.text);
  }

  // The same text, as it is kept.
  note(text) {
    const known = this.said.get(text);
    if (known !== undefined) return known;
    this.said.set(text, text);
    this.characters += text.length;
    return text;
  }

  letGo(horizon) {
    const { model } = this;
    const stays = (bar) => bar.to > horizon;
    const staying = (tracks) => tracks.map((track) => track.filter(stays)).filter((track) => track.length);
    model.bars = model.bars.filter(stays);
    for (const run of [...model.runs.values()].reverse()) { // what is inside comes after what it is inside of
      for (const [key, bar] of run.found) if (!stays(bar)) run.found.delete(key);
      run.tracks = staying(run.tracks);
      for (const row of [...run.rows.values()].reverse()) {
        row.bars = row.bars.filter(stays);
        row.tracks = staying(row.tracks);
        row.children = row.children.filter((inner) => run.rows.has(inner.path));
        row.nested = row.nested.filter((inner) => model.runs.has(inner.id));
        const isEmpty = !row.bars.length && !row.children.length && !row.nested.length;
        if (isEmpty && row !== run.root && !stays(row.span)) this.drop(run, row);
      }
      run.nested = run.nested.filter((inner) => model.runs.has(inner.id));
      const { root } = run;
      if (root.bars.length || root.children.length || run.nested.length || stays(root.span)) continue;
      this.drop(run, root);
      model.runs.delete(run.id);
      model.runsLetGo += 1;
    }
    model.horizon = model.first = horizon;
    model.structure += 1;
  }

  drop(run, row) {
    run.rows.delete(row.path);
    this.model.rows -= 1;
  }

  // What ended until then goes, so that four fifths are left; what has not ended stays.
  horizon() {
    const { model } = this;
    const spans = [...model.runs.values()].flatMap((run) => [...run.rows.values()].map((row) => row.span));
    const newestFirst = [...model.bars, ...spans].sort((a, b) => b.to - a.to || 0);
    this.said = new Map();
    this.characters = 0;
    for (let things = 0; things < newestFirst.length; things += 1) {
      const bar = newestFirst[things];
      const isFull = things >= MOST_THINGS * KEPT_SHARE || this.characters > MOST_CHARACTERS * KEPT_SHARE;
      if (isFull && bar.to < Infinity) return bar.to;
      textsIn(bar).forEach((text) => this.note(text));
    }
    return model.horizon;
  }
}

function textsIn({ about }) {
  const texts = Object.values(about).filter((value) => typeof value === "string");
  for (const message of about.request?.messages ?? []) texts.push(message.text);
  for (const call of about.calls ?? []) texts.push(call.arguments);
  return texts;
}
