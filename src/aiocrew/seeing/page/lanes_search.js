// Finding bars by what they say: names, prompts, replies, arguments, results, errors.

class Search {
  constructor(model) {
    this.model = model;
    this.number = 0; // of the search under way; 0 is none
    this.made = 0;
    this.text = "";
    this.hits = [];
    this.at = -1;
  }

  find(text) {
    this.text = text.trim();
    this.hits = [];
    this.at = -1;
    if (!this.text) {
      this.number = 0;
      return;
    }
    this.made += 1;
    this.number = this.made;
    const pattern = new RegExp(this.text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "iu");
    const seen = new Map(); // a transcript says the same in every turn
    const says = (given) => {
      if (given === undefined || given === null || given === "") return false;
      const text = typeof given === "string" ? given : JSON.stringify(given);
      let known = seen.get(text);
      if (known === undefined) seen.set(text, (known = pattern.test(text)));
      return known;
    };
    for (const run of this.model.runs.values()) {
      for (const row of run.rows.values()) this.take(row.span, says);
    }
    for (const bar of this.model.bars) this.take(bar, says);
    this.hits.sort((a, b) => a.from - b.from);
  }

  take(bar, says) {
    const { about } = bar;
    const found = says(bar.label) || says(bar.error) || says(about.agent) || says(about.model)
      || says(about.text ?? about.pieces) || says(about.arguments) || says(about.result) || says(about.output)
      || says(about.inputs) || says(about.work) || says(about.feedback) || says(about.reason) || says(about.at)
      || (about.request?.messages ?? []).some((message) => says(message.text))
      || (about.calls ?? []).some((call) => says(call.name) || says(call.arguments))
      || (bar.parts ?? []).some((part) => says(part.limit) || says(part.error));
    if (!found) return;
    bar.hit = this.number;
    bar.run.hit = this.number;
    this.hits.push(bar);
  }

  step(by) {
    if (!this.hits.length) return null;
    this.at = this.at < 0 ? (by > 0 ? 0 : this.hits.length - 1) : (this.at + by + this.hits.length) % this.hits.length;
    return this.hits[this.at];
  }

  words() {
    if (!this.number) return "";
    return this.at < 0 ? counted(this.hits.length, "hit", "hits") : `${this.at + 1} of ${this.hits.length}`;
  }
}
