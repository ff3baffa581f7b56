// Drawing the lanes. Nothing is made anew in a frame but what a text that no longer fits has to be cut to: colours,
// patterns and positions are there before, and only what is in view is looked at.

class LanePainter extends Brush {
  // Lanes

  drawLanes() {
    const { view, context } = this;
    const { items } = view.layout;
    if (!items.length) return;
    const first = view.layout.at(view.top);
    const bottom = view.top + this.height - this.top;
    this.step = tickStep(92 / this.scale);
    this.clip(0, this.top, this.width, this.height - this.top);
    for (let at = first; at < items.length && items[at].y < bottom; at += 1) this.drawGround(items[at], at);
    this.drawGrid();
    context.restore();
    this.clip(this.gutter, this.top, this.right - this.gutter, this.height - this.top);
    this.drawBands();
    for (let at = first; at < items.length && items[at].y < bottom; at += 1) {
      if (items[at].type !== "group") this.drawItem(items[at]);
      this.drawn.rows += 1;
    }
    context.restore();
    this.clip(0, this.top, this.gutter - 1, this.height - this.top);
    let free = -Infinity; // thin lanes: only the labels that have room
    for (let at = first; at < items.length && items[at].y < bottom; at += 1) {
      const item = items[at];
      const half = (item.height < TIGHT_PX ? LABEL_PX : TIGHT_PX) / 2;
      const above = item.y + item.height / 2 - half;
      if (above < free || (item.height < TIGHT_PX && above < view.top)) continue;
      this.drawLabel(item);
      free = item.y + item.height / 2 + half;
    }
    context.restore();
  }

  drawGround(item, index) {
    const y = this.top + item.y - this.view.top;
    const { colour } = this;
    if (item.type === "group") this.rect(colour.raised, 0, y, this.width, item.height);
    else if (item.type === "closed" && item.height < 12) {
      if (index % 2) this.rect(colour.stripe, 0, y, this.width, item.height);
    } else if (item.type === "run") this.rect(colour.stripe, 0, y, this.width, item.height);
    if (item.height >= 12 && item.type !== "row") this.rect(colour.line, 0, y, this.width, 1);
    const { selected } = this.view;
    if (selected && item.row === selected.row && item.type !== "group") {
      this.rect(colour.faint, 0, y + 1, this.gutter, item.height - 1);
    }
  }

  drawGrid() {
    const { view, step, colour } = this;
    for (let time = this.firstTick(); time < view.t1; time += step) {
      this.rect(colour.faint, Math.round(this.x(time)), this.top, 1, this.height - this.top);
    }
  }

  firstTick() {
    const { origin } = this.view.model;
    return origin + Math.ceil((this.view.t0 - origin) / this.step - 1e-9) * this.step;
  }

  drawItem(item) {
    const shift = this.top - this.view.top;
    this.drawSpan(item, item.y + shift);
    const tracks = tracksOf(item);
    const height = trackHeight(item);
    for (let index = 0; index < tracks.length; index += 1) {
      this.drawTrack(tracks[index], trackTop(item, index) + shift, height, item.type === "closed");
    }
  }

  // Behind all lanes: where the loop stood still.
  drawBands() {
    const process = this.view.model.runs.get("");
    if (!process) return;
    for (const bar of process.root.bars) {
      if (bar.kind !== "blocked" || bar.to <= this.view.t0 || bar.from >= this.view.t1) continue;
      const left = this.x(bar.from);
      this.rect(this.colour["blocked-band"], left, this.top, Math.max(1, this.x(bar.to) - left), this.height - this.top);
    }
  }

  // The whole of a run or a row, behind its bars.
  drawSpan(item, y) {
    const { span } = item.row;
    if (item.run.kind === "process") return;
    const from = this.x(span.from);
    const to = this.x(this.endOf(span));
    if (to < this.gutter || from > this.right) return;
    const { colour } = this;
    const left = Math.max(from, this.gutter - 4);
    const width = Math.max(1, Math.min(to, this.right + 4) - left);
    if (item.type === "closed" && item.height < 12) {
      const thick = item.height > 5 ? 2 : 1;
      const middle = y + Math.floor((item.height - thick) / 2);
      this.rect(span.state === "failed" ? colour.failed : colour.span, left, middle, width, thick);
      return;
    }
    const high = item.type === "run" && !item.row.tracks.length ? 8 : item.height - 4;
    const top = item.type === "run" && !item.row.tracks.length ? y + (item.height - 8) / 2 : y + 2;
    this.context.globalAlpha = item.type === "run" ? 0.8 : 0.42;
    this.rect(span.state === "failed" ? colour["failed-paper"] : colour.span, left, top, width, high);
    this.context.globalAlpha = 1;
    if (span.state === "failed" || span.state === "cancelled") this.drawEnd(span, Math.min(to, this.right), top, high);
    if (this.view.selected === span) this.drawOutline(from, top, to - from, high);
  }

  drawTrack(track, y, height, isClosed) {
    const { view, drawn } = this;
    const search = view.search.number;
    const { length } = track;
    let at = firstAfter(track, view.t0);
    while (at < length) {
      const bar = track[at];
      if (bar.from >= view.t1) return;
      const left = this.x(bar.from);
      let right = this.x(this.endOf(bar));
      at += 1;
      drawn.bars += 1;
      if (right - left >= TINY_PX) {
        this.drawBar(bar, left, right, y, height, isClosed);
        continue;
      }
      // Bars of less than two pixels that lie side by side become one block; the gravest gives it its colour.
      let fill = this.fillOf(bar);
      let hit = bar.hit;
      right = Math.max(right, left + 1);
      while (at < length) {
        const next = track[at];
        const from = this.x(next.from);
        const to = this.x(this.endOf(next));
        if (from > right + 0.5 || to - from >= TINY_PX || next === view.selected) break;
        if (next.state === "failed") fill = this.colour.failed;
        if (next.hit > hit) hit = next.hit;
        right = Math.max(right, to, from + 1);
        at += 1;
        drawn.bars += 1;
        drawn.merged += 1;
      }
      this.context.globalAlpha = search && hit !== search ? 0.2 : 1;
      this.rect(fill, left, y, right - left, height);
      this.context.globalAlpha = 1;
      if (bar === view.selected) this.drawOutline(left, y, right - left, height);
    }
  }

  fillOf(bar) {
    if (bar.state === "failed") return this.colour.failed;
    if (bar.state === "cancelled") return this.colour.cancelled;
    return this.colour[bar.kind];
  }

  drawBar(bar, left, right, y, height, isClosed) {
    const { view, colour, context } = this;
    const from = Math.max(left, this.gutter - 4);
    const to = Math.min(right, this.right + 4);
    // A pixel of air at the end keeps calls that follow each other apart.
    const width = Math.max(1, to - from - (right - left > 4 ? 1 : 0));
    context.globalAlpha = view.search.number && bar.hit !== view.search.number ? 0.2 : 1;
    if (bar.kind === "model" && bar.parts.length) this.drawParts(bar, from, from + width, y, height);
    else if (bar.kind === "held") this.rect(this.hatch.held, from, y, width, height);
    else if (bar.kind === "delegation") {
      this.rect(colour.paper, from, y, width, height);
      this.drawFrame(this.fillOf(bar), from, y, width, height);
    } else this.rect(this.fillOf(bar), from, y, width, height);
    if (bar.state === "failed" || bar.state === "cancelled") this.drawEnd(bar, from + width, y, height);
    else if (bar.state === "open" && width > 12) this.drawOpenEnd(from + width, y, height);
    if (height >= 11 && width > 26) this.drawBarText(bar, from, width, y, height, isClosed);
    if (height >= 8 && bar.hit && bar.hit === view.search.number) this.rect(colour.hit, from, y + height - 2, width, 2);
    context.globalAlpha = 1;
    if (bar === view.selected) this.drawOutline(left, y, right - left, height);
    else if (bar === view.hovered) this.drawFrame(colour.ink, from, y, width, height);
  }

  drawParts(bar, left, right, y, height) {
    const { colour } = this;
    const base = bar.state === "cancelled" ? colour.cancelled : colour.model;
    for (let at = 0; at < bar.parts.length; at += 1) {
      const part = bar.parts[at];
      const from = Math.max(left, this.x(part.from));
      const to = Math.min(right, this.x(part.to < Infinity ? part.to : this.view.now));
      if (to - from < 0.2) continue;
      if (part.kind === "wait") this.rect(to - from < 6 ? colour["wait-line"] : this.hatch.wait, from, y, to - from, height);
      else if (part.kind === "delay") this.rect(this.hatch.delay, from, y + height / 4, to - from, height / 2);
      else if (part.kind === "failed") this.rect(colour.delay, from, y, to - from, height);
      else this.rect(at === bar.parts.length - 1 && bar.state === "failed" ? colour.failed : base, from, y, to - from, height);
    }
    if (bar.first >= bar.from && bar.state !== "failed") {
      const from = Math.max(left, this.x(bar.first));
      if (from < right) this.rect(colour.stream, from, y, right - from, height);
      if (right - left > 8 && from < right) this.rect(colour.paper, from, y, 1, height);
    }
  }

  drawBarText(bar, left, width, y, height, isClosed) {
    const { colour, context } = this;
    let from = left;
    let room = width;
    let text = isClosed ? bar.agent || bar.label : bar.label;
    let ink = bar.kind === "delegation" ? this.fillOf(bar) : bar.kind === "held" ? colour.ink : colour["on-bar"];
    if (bar.kind === "model" && bar.parts.length) {
      const last = bar.parts[bar.parts.length - 1];
      const waiting = bar.parts[0].kind === "wait" ? this.x(Math.min(bar.parts[0].to, this.view.now)) - left : 0;
      if (waiting > width * 0.6) {
        [text, room, ink] = [shortLimit(bar.parts[0].limit), waiting, colour.ink];
      } else {
        if (last.kind === "wait" || last.kind === "delay") return;
        from = Math.max(left, this.x(last.from));
        room = left + width - from;
      }
      if (room < 26) return;
    }
    if (bar.written !== text) {
      bar.written = text;
      bar.writtenWidth = context.measureText(text).width;
      bar.fits = -1;
    }
    if (bar.writtenWidth > room - 8) {
      const fits = Math.floor(room - 8);
      if (fits !== bar.fits) {
        bar.fits = fits;
        bar.shown = this.fitted(text, bar.writtenWidth, fits);
      }
      text = bar.shown;
      if (!text) return;
    }
    context.fillStyle = ink;
    context.fillText(text, from + 4, y + height / 2 + 0.5);
    this.drawn.calls += 1;
  }

  // A cross for what failed, a stroke for what was cancelled: colour alone says nothing to many.
  drawEnd(bar, right, y, height) {
    const { context, colour } = this;
    const size = Math.min(4, height / 2 - 1);
    if (size < 2) return;
    const [x, middle] = [right - size - 3, y + height / 2];
    context.fillStyle = colour.paper;
    context.fillRect(x - size - 1, middle - size - 1, size * 2 + 2, size * 2 + 2);
    context.strokeStyle = bar.state === "failed" ? colour.failed : colour.cancelled;
    context.lineWidth = 1.7;
    context.beginPath();
    context.moveTo(x - size + 1, middle + size - 1);
    context.lineTo(x + size - 1, middle - size + 1);
    if (bar.state === "failed") {
      context.moveTo(x - size + 1, middle - size + 1);
      context.lineTo(x + size - 1, middle + size - 1);
    }
    context.stroke();
    this.drawn.calls += 2;
  }

  // What is still under way has no edge: it ends in dashes.
  drawOpenEnd(right, y, height) {
    for (const gap of [3, 6, 9]) this.rect(this.colour.paper, right - gap, y, gap / 3, height);
  }

  drawOutline(x, y, width, height) {
    this.context.lineWidth = 2;
    this.context.strokeStyle = this.colour.paper;
    this.context.strokeRect(x - 1, y - 1, Math.max(width, 2) + 2, height + 2);
    this.context.strokeStyle = this.colour.accent;
    this.context.strokeRect(x - 2, y - 2, Math.max(width, 2) + 4, height + 4);
  }

  drawFrame(ink, x, y, width, height) {
    this.context.lineWidth = 1.5;
    this.context.strokeStyle = ink;
    this.context.strokeRect(x + 0.75, y + 0.75, Math.max(1, width - 1.5), height - 1.5);
    this.drawn.calls += 1;
  }

  // Labels

  drawLabel(item) {
    const { colour, context } = this;
    const y = this.top + item.y - this.view.top;
    const middle = y + (item.type === "closed" ? item.height / 2 : Math.min(item.height, HEAD_PX) / 2) + 0.5;
    const left = 8 + item.depth * 12;
    if (item.type === "group") {
      this.textCut(`${this.view.layout.closedGroups.has(item.name) ? "▸" : "▾"} ${item.text}`, 8, middle, this.gutter - 16, colour.ink);
      return;
    }
    if (item.type === "row") {
      const { span } = item.row;
      const named = span.about.agent && item.row.kind === "task" && this.gutter > NARROW_GUTTER_PX;
      const used = this.textCut(item.row.kind === "coworker" ? `↳ ${span.label}` : span.label, left, middle,
        (this.gutter - left - 8) * (named ? 0.6 : 1), colour["span-text"]);
      if (named) this.textCut(oneLine(span.about.agent, 60), left + used + 10, middle, this.gutter - left - used - 18, colour.soft);
      return;
    }
    const { run } = item;
    const mark = run.kind === "process" ? "" : item.type === "run" ? "▾ " : "▸ ";
    const ink = run.state === "failed" ? colour.failed : run.hit && run.hit === this.view.search.number ? colour.accent : colour.ink;
    const took = run.to < Infinity && this.gutter > NARROW_GUTTER_PX && item.height >= 11 ? duration(run.to - run.from) : "";
    const end = took ? this.gutter - 12 - context.measureText(took).width : this.gutter - 8;
    // Where only one has room, the input says more: runs of one crew are all called the same.
    const name = this.gutter > NARROW_GUTTER_PX ? runName(run) : inputOf(run) || run.name;
    this.textCut(`${mark}${name}`, left, middle, end - left - 6, ink);
    if (took) this.textCut(took, end, middle, this.gutter - end, colour.soft);
  }
}

// "max_rpm=3" of "Limits(max_rpm=3) of openai/gpt-4o-mini": a bar has no room for more.
function shortLimit(limit) {
  return /^\w+\((.+?)\) of /.exec(limit)?.[1] ?? limit;
}

function inputOf(run) {
  const inputs = run.root.span.about.inputs;
  const first = inputs ? Object.values(inputs)[0] : undefined;
  return first === undefined ? "" : oneLine(typeof first === "string" ? first : JSON.stringify(first), 60);
}

// A run's name, and the first of its inputs: a thousand runs of one crew differ in nothing else.
function runName(run) {
  if (run.fullName) return run.fullName;
  const input = inputOf(run);
  run.fullName = input ? `${run.name} · ${input}` : run.name;
  return run.fullName;
}
