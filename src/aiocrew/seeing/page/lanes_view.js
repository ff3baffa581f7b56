// What is in view: the stretch of time, how far down, what is selected. Everything that moves it is here.

const LEAST_S = 1e-7;
const GLIDE_MS = 140;

class View {
  constructor(model, report) {
    this.model = model;
    this.report = report;
    this.layout = new Layout(model);
    this.flight = new Flight();
    this.search = new Search(model);
    this.t0 = 0;
    this.t1 = 1;
    this.top = 0;
    this.now = 0;
    this.isFitted = true; // the view follows what is added
    this.follows = false; // it moves on with the time, as its end is in view
    this.selected = null;
    this.hovered = null;
    this.stretch = null; // { from, to } that the reader marked
    this.culprit = -1;
    this.stamp = 0; // changes with the order and the heights of lanes
    this.pointer = -1;
    this.numbers = ["", ...(report?.culprits ?? []).map((_, index) => String(index + 1))];
    this.refreshed = NaN; // the time as it was last drawn
    this.glide = null;
    this.places = new Map();
    this.built = "";
  }

  // The report has the times of each run's own clock.
  alignCulprits() {
    for (const culprit of this.report?.culprits ?? []) {
      for (const span of culprit.at) {
        const shift = this.model.runs.get(span.run_id)?.shift ?? 0;
        span.from_s += shift;
        span.to_s += shift;
      }
      culprit.inOrder = [...culprit.at].sort((a, b) => a.from_s - b.from_s);
    }
  }

  // Bring layout and figures up to date with the model.
  refresh(painter) {
    const room = painter.height - painter.top;
    const { layout, model } = this;
    const stamp = `${model.structure} ${this.stamp} ${room} ${layout.sort === "start" && layout.group === "none" ? "" : model.changes}`;
    if (stamp !== this.built) {
      this.built = stamp;
      layout.build(room);
      this.places.clear();
    }
    const passed = this.now - this.refreshed;
    this.refreshed = this.now;
    if (this.isFitted) this.fit();
    else if (this.follows && !this.selected && passed > 0) [this.t0, this.t1] = [this.t0 + passed, this.t1 + passed];
    this.clamp(painter);
  }

  fit() {
    const { first } = this.model;
    if (!(first < Infinity)) {
      [this.t0, this.t1] = [0, 1];
      return;
    }
    const all = Math.max(this.now - first, 1e-6);
    [this.t0, this.t1] = [first - all * 0.01, first + all * 1.02];
    this.isFitted = true;
  }

  clamp(painter) {
    this.top = Math.max(0, Math.min(this.top, this.layout.height - (painter.height - painter.top)));
  }

  zoom(factor, at) {
    const all = Math.max(this.now - this.model.first, 1e-6);
    const wide = Math.max(LEAST_S, Math.min((this.t1 - this.t0) * factor, all * 1.2));
    const share = (at - this.t0) / (this.t1 - this.t0);
    this.show(at - share * wide, at + (1 - share) * wide);
  }

  pan(seconds) {
    this.show(this.t0 + seconds, this.t1 + seconds);
  }

  // Never lose the runs from sight: a tenth of the view always shows some of them.
  show(from, to) {
    const least = this.model.first - (to - from) * 0.9;
    const most = Math.max(least, this.now - (to - from) * 0.1);
    const shift = Math.min(Math.max(from, least), most) - from;
    [this.t0, this.t1] = [from + shift, to + shift];
    this.isFitted = false;
    this.follows = this.t1 >= this.now;
    this.glide = null;
  }

  glideTo(from, to, top) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.show(from, to);
      this.top = top;
      return;
    }
    this.isFitted = this.follows = false;
    this.glide = { t0: this.t0, t1: this.t1, top: this.top, from, to, end: top, since: performance.now() };
  }

  // Go on gliding; tells whether there is more to come.
  glideOn() {
    const { glide } = this;
    if (!glide) return false;
    const share = Math.min(1, (performance.now() - glide.since) / GLIDE_MS);
    const eased = 1 - (1 - share) ** 3;
    this.t0 = glide.t0 + (glide.from - glide.t0) * eased;
    this.t1 = glide.t1 + (glide.to - glide.t1) * eased;
    this.top = glide.top + (glide.end - glide.top) * eased;
    if (share >= 1) this.glide = null;
    return true;
  }

  endGlide() {
    if (this.glide) this.glide.since = -Infinity;
    this.glideOn();
  }

  // How far down the view has to be for an item to be seen.
  topFor(item, painter) {
    const room = painter.height - painter.top;
    if (item.y >= this.top && item.y + item.height <= this.top + room) return this.top;
    return Math.max(0, Math.min(item.y - room / 3, this.layout.height - room));
  }

  // The item of a culprit's stretch; null where it belongs to no lane that is shown.
  itemOf(span) {
    if (!span.run_id) return null;
    if (this.places.has(span)) return this.places.get(span);
    const run = this.model.runs.get(span.run_id);
    const item = run ? this.layout.itemOf(span.path ? run.rowAt(span.path) : run.root) : null;
    this.places.set(span, item);
    return item;
  }

  // The item and the bar under a point of the canvas, or within `reach` pixels beside it.
  hit(x, y, painter, reach = 3) {
    const { items } = this.layout;
    if (y < painter.top || !items.length) return { item: null, bar: null };
    const down = y - painter.top + this.top;
    const item = items[this.layout.at(down)];
    if (down >= item.y + item.height) return { item: null, bar: null };
    if (x < painter.gutter || item.type === "group") return { item, bar: null };
    const height = trackHeight(item);
    const near = reach / painter.scale;
    const time = painter.time(x);
    const tracks = tracksOf(item);
    for (let index = 0; index < tracks.length; index += 1) {
      const top = trackTop(item, index);
      if (down < top || down > top + height) continue;
      const track = tracks[index];
      const at = firstAfter(track, time);
      const [here, before] = [track[at], track[at - 1]];
      if (here && here.from <= time + near && (here.from <= time || !before || before.to < time - near)) return { item, bar: here };
      if (before && before.to >= time - near) return { item, bar: before };
    }
    const { span } = item.row;
    const inside = time >= span.from - near && time <= painter.endOf(span) + near && item.run.kind !== "process";
    return { item, bar: inside ? span : null };
  }
}
