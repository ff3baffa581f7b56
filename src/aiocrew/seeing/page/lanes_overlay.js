// Drawing what stands above and beside the lanes: the axis, the calls in flight, the culprits' marks, the overview.

class Painter extends LanePainter {
  draw() {
    const { context, drawn, colour } = this;
    drawn.bars = drawn.merged = drawn.calls = drawn.rows = 0;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.globalAlpha = 1;
    context.font = FONT;
    context.textBaseline = "middle";
    context.fillStyle = colour.paper;
    context.fillRect(0, 0, this.width, this.height);
    this.drawLanes();
    this.drawFlight();
    this.drawAxis();
    this.drawMarks();
    this.drawWaits();
    this.drawStretch();
    if (this.hasMap) this.drawMap();
    this.drawPointer();
  }

  // Above the lanes

  drawFlight() {
    const { context, colour, view } = this;
    const { flight } = view;
    const base = AXIS_PX + FLIGHT_PX - 4;
    const high = FLIGHT_PX - 14;
    this.rect(colour.line, 0, AXIS_PX + FLIGHT_PX - 1, this.width, 1);
    this.textCut("in flight", 8, AXIS_PX + 14, this.gutter - 16, colour.soft);
    this.textCut(`peak ${count(flight.peak)}`, 8, AXIS_PX + 30, this.gutter - 16, colour.ink);
    if (flight.peakBoth > flight.peak) this.textCut("hatched: waiting", 8, AXIS_PX + 46, this.gutter - 16, colour.soft);
    if (!flight.peakBoth) return;
    this.clip(this.gutter, AXIS_PX, this.right - this.gutter, FLIGHT_PX);
    const unit = high / flight.peakBoth;
    let at = flight.before(view.t0);
    for (let x = this.gutter; x < this.right; x += 1) {
      // The most within a pixel: a short peak is what one looks for.
      const until = this.time(x + 1);
      let sent = at < 0 ? 0 : flight.sent[at];
      let both = at < 0 ? 0 : sent + flight.waiting[at];
      while (at + 1 < flight.times.length && flight.times[at + 1] < until) {
        at += 1;
        if (flight.sent[at] > sent) sent = flight.sent[at];
        if (flight.sent[at] + flight.waiting[at] > both) both = flight.sent[at] + flight.waiting[at];
      }
      if (both > sent) this.rect(this.hatch.wait, x, base - both * unit, 1, (both - sent) * unit);
      if (sent) {
        this.rect(colour["flight-paper"], x, base - sent * unit, 1, sent * unit);
        this.rect(colour.flight, x, base - sent * unit, 1, 1.5);
      }
    }
    context.restore();
  }

  drawAxis() {
    const { colour, view } = this;
    this.rect(colour.line, 0, AXIS_PX - 1, this.width, 1);
    this.rect(colour.line, this.gutter - 1, 0, 1, this.height);
    if (!view.layout.items.length) return;
    this.clip(this.gutter, 0, this.right - this.gutter, AXIS_PX);
    for (let time = this.firstTick(); time < view.t1; time += this.step) {
      const x = Math.round(this.x(time));
      this.rect(colour.soft, x, AXIS_PX - 6, 1, 5);
      this.textCut(tickText(Math.max(0, time - view.model.origin), this.step), x + 4, AXIS_PX / 2, 90, colour.soft);
    }
    this.context.restore();
  }

  // Where each culprit was at work is a line in the strip above the lanes, with its number where there is room for it,
  // and an underline in its lane.
  drawMarks() {
    const { view, colour } = this;
    const culprits = view.report?.culprits ?? [];
    if (!culprits.length) return;
    const strip = this.top - MARKS_PX;
    this.rect(colour.line, 0, this.top - 1, this.width, 1);
    this.textCut("culprits", 8, strip + MARKS_PX / 2, this.gutter - 16, colour.soft);
    this.clip(this.gutter, 0, this.right - this.gutter, this.height);
    for (const culprit of culprits) for (const span of culprit.at) this.drawMark(span, strip);
    for (let number = 1; number <= culprits.length; number += 1) {
      let free = -Infinity;
      for (const span of culprits[number - 1].inOrder) {
        if (span.to_s < view.t0 || span.from_s > view.t1) continue;
        const middle = Math.max(this.x(span.from_s), this.gutter) + 8;
        if (middle < free || this.isTaken(middle, number)) continue;
        free = middle + 90;
        this.drawNumber(view.numbers[number], middle, strip + MARKS_PX / 2, number === view.culprit + 1);
        this.taken[number] = middle;
      }
    }
    this.context.restore();
  }

  isTaken(middle, number) {
    for (let other = 1; other < number; other += 1) if (Math.abs(this.taken[other] - middle) < 17) return true;
    return false;
  }

  drawMark(span, strip) {
    const { view, colour } = this;
    if (span.to_s < view.t0 || span.from_s > view.t1) return;
    const left = this.x(span.from_s);
    const width = Math.max(2, this.x(span.to_s) - left);
    this.rect(colour.mark, left, strip + MARKS_PX - 4, width, 3);
    const item = view.itemOf(span);
    if (!item) return;
    const y = this.top + item.y - view.top + item.height - 2;
    if (y > this.top && y < this.height) this.rect(colour.mark, left, y, width, item.height > 8 ? 2 : 1);
  }

  // The number of the culprit whose mark is at `x`, the narrowest of several; 0 where there is none.
  culpritAt(x) {
    let [found, narrowest] = [0, Infinity];
    (this.view.report?.culprits ?? []).forEach((culprit, index) => {
      for (const { from_s: from, to_s: to } of culprit.at) {
        const left = Math.max(this.x(from), this.gutter);
        const right = Math.max(this.x(to), left + 16);
        if (x < left || x > right || right - left >= narrowest) continue;
        [found, narrowest] = [index + 1, right - left];
      }
    });
    return found;
  }

  drawNumber(text, x, y, isCurrent) {
    const { context, colour } = this;
    context.fillStyle = isCurrent ? colour.accent : colour.mark;
    context.beginPath();
    context.arc(x, y, 7, 0, 7);
    context.fill();
    context.fillStyle = colour.paper;
    context.textAlign = "center";
    context.fillText(text, x, y + 0.5);
    context.textAlign = "start";
    this.drawn.calls += 2;
  }

  // From the end of what the selected task waited for to its start.
  drawWaits() {
    const { view, context, colour } = this;
    const task = taskOf(view.selected);
    if (!task) return;
    const to = view.layout.itemOf(task);
    this.clip(this.gutter, this.top, this.right - this.gutter, this.height - this.top);
    context.strokeStyle = context.fillStyle = colour.accent;
    context.lineWidth = 1.5;
    for (const path of task.span.about.waits ?? []) {
      const before = task.run.rows.get(path);
      const from = before && view.layout.itemOf(before);
      if (from && to && from !== to) this.drawArrow(this.x(before.span.to), this.middleOf(from), this.x(task.span.from), this.middleOf(to));
    }
    context.restore();
  }

  middleOf(item) {
    return this.top + item.y - this.view.top + item.height / 2;
  }

  drawArrow(x1, y1, x2, y2) {
    const { context } = this;
    const bend = Math.max(7, Math.min(60, Math.abs(x2 - x1) / 2));
    context.beginPath();
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2 - 5, y2);
    context.stroke();
    context.beginPath();
    context.moveTo(x2, y2);
    context.lineTo(x2 - 7, y2 - 4);
    context.lineTo(x2 - 7, y2 + 4);
    context.fill();
    this.drawn.calls += 2;
  }

  // The stretch of time that the reader marked, with its length.
  drawStretch() {
    const { view, colour, context } = this;
    const { stretch } = view;
    if (!stretch || stretch.to < view.t0 || stretch.from > view.t1) return;
    const [left, right] = [this.x(stretch.from), this.x(stretch.to)];
    this.clip(this.gutter, 0, this.right - this.gutter, this.height);
    context.globalAlpha = 0.14;
    this.rect(colour.accent, left, AXIS_PX, right - left, this.height);
    context.globalAlpha = 1;
    this.rect(colour.accent, left, 0, 1, this.height);
    this.rect(colour.accent, right, 0, 1, this.height);
    this.drawTag(duration(stretch.to - stretch.from), (Math.max(left, this.gutter) + Math.min(right, this.right)) / 2, colour.accent);
    context.restore();
  }

  // A short text on the axis.
  drawTag(text, middle, fill) {
    const width = this.context.measureText(text).width + 10;
    const left = Math.max(this.gutter, Math.min(middle - width / 2, this.right - width));
    this.rect(fill, left, 2, width, AXIS_PX - 5);
    this.textCut(text, left + 5, AXIS_PX / 2, width, this.colour.paper);
  }

  // The overview at the side: every lane over the whole time, and which part of it is in view.

  drawMap() {
    const { view, colour, context } = this;
    const height = this.height - this.top;
    const stamp = `${view.model.changes >> 5} ${view.layout.height} ${view.stamp} ${height} ${this.ratio} ${view.search.made}`;
    if (stamp !== this.mapStamp) this.makeMap(height, stamp);
    this.rect(colour.raised, this.right, this.top, MAP_PX, height);
    context.drawImage(this.map, this.right + 1, this.top, MAP_PX - 2, height);
    const all = view.model.last - view.model.first || 1;
    const unit = height / view.layout.height;
    const left = this.right + 1 + Math.max(0, ((view.t0 - view.model.first) / all) * (MAP_PX - 2));
    const wide = Math.min(1, (view.t1 - view.t0) / all) * (MAP_PX - 2);
    this.rect(colour.line, this.right, 0, 1, this.height);
    this.drawFrame(colour.ink, left, this.top + view.top * unit, Math.max(4, wide), Math.max(6, height * unit));
  }

  makeMap(height, stamp) {
    const { view, colour } = this;
    this.mapStamp = stamp;
    const width = MAP_PX - 2;
    this.map.width = width * this.ratio;
    this.map.height = height * this.ratio;
    const context = this.map.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    const { first, last } = view.model;
    const unit = height / view.layout.height;
    const scale = width / (last - first || 1);
    for (const item of view.layout.items) {
      if (item.type === "group") continue;
      const thick = Math.max(0.5, item.height * unit);
      const { span } = item.row;
      context.fillStyle = span.state === "failed" ? colour.failed : colour.span;
      const from = Math.max(0, (span.from - first) * scale);
      context.globalAlpha = this.isFaint(item.run) ? 0.25 : 1;
      context.fillRect(from, item.y * unit, Math.max(1, (this.endOf(span) - first) * scale - from), thick);
      context.fillStyle = colour.model;
      for (const track of tracksOf(item)) {
        let painted = -Infinity;
        for (const bar of track) {
          const right = (this.endOf(bar) - first) * scale;
          if (right <= painted) continue;
          const left = Math.max(painted, (bar.from - first) * scale);
          context.fillRect(left, item.y * unit, Math.max(0.5, right - left), thick);
          painted = Math.max(right, left + 0.5);
        }
      }
    }
    context.globalAlpha = 1;
    for (const item of view.layout.items) {
      if (item.type === "group" || !view.search.number || this.isFaint(item.run)) continue;
      context.fillStyle = colour.hit;
      context.fillRect(0, item.y * unit, 5, Math.max(2, item.height * unit));
    }
  }

  // While something is searched, what has none of it stands back.
  isFaint(run) {
    const { number } = this.view.search;
    return number > 0 && !isHit(run, number);
  }

  drawPointer() {
    const { view, colour } = this;
    if (!(view.pointer > this.gutter) || view.pointer > this.right || !view.layout.items.length) return;
    this.context.globalAlpha = 0.5;
    this.rect(colour.soft, view.pointer, AXIS_PX, 1, this.height);
    this.context.globalAlpha = 1;
    this.drawTag(this.timeText(view.pointer), view.pointer, colour.soft);
  }

  // The time at `x`, as exactly as a pixel is.
  timeText(x) {
    const seconds = this.time(x) - this.view.model.origin;
    const text = tickText(Math.abs(seconds), 10 ** Math.floor(Math.log10(1 / this.scale)));
    return seconds < 0 ? `−${text}` : text;
  }
}

// The task that a bar belongs to; null where it belongs to none.
function taskOf(bar) {
  for (let row = bar?.row; row; row = row.parent) if (row.kind === "task") return row;
  return null;
}
