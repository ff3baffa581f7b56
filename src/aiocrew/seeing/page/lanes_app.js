// What the page can do, whoever asks for it: a key, the mouse, a button, a test.

const LEAST_WITH_PANEL_PX = 900;
const EDGE_PX = 4;

class App {
  constructor(data) {
    this.model = new Model();
    this.keeper = new Keeper(this.model);
    this.view = new View(this.model, data.report);
    this.walker = new Walker(this);
    this.tip = new Tip(this);
    this.main = document.getElementById("main");
    this.showPanel(document.documentElement.clientWidth >= LEAST_WITH_PANEL_PX);
    this.canvas = document.getElementById("chart");
    this.painter = new Painter(this.canvas, this.view);
    this.searchBox = document.getElementById("search");
    this.onlyHits = document.getElementById("only-hits");
    this.help = document.getElementById("help");
    this.isLive = false;
    this.frames = 0;
    this.onFrame = null;
    this.failure = -1; // the one that was last gone to
    this.seen = -1; // the model's changes as they were last shown
    this.shownAt = 0;
    this.asked = false;
  }

  get pageHeight() { return this.painter.height - this.painter.top; }

  // Frames: one is drawn when something changed, and as long as something moves by itself.

  invalidate() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.frame();
    });
  }

  frame() {
    const { view, painter } = this;
    const moves = view.glideOn();
    this.update();
    painter.draw();
    this.frames += 1;
    this.onFrame?.();
    if (moves) this.invalidate();
  }

  // Take in what came since the last frame. The figures of many runs take some milliseconds: five times a second.
  update() {
    const { view, model } = this;
    const time = performance.now();
    view.now = this.isLive && this.liveAt ? Math.max(model.last, this.liveAt(time)) : model.last;
    const isNew = this.seen !== model.changes || (this.isLive && this.liveAt); // time goes by for what is open
    if (isNew && (time - this.shownAt > 200 || this.seen < 0)) {
      this.seen = model.changes;
      this.shownAt = time;
      view.flight.build(model.bars, view.now);
      showFigures(view, () => this.nextFailure());
      showStretch(view);
      this.showNothing();
      if (this.isLive) this.showSelectedAgain();
    } else if (this.seen !== model.changes) {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.invalidate(), 210);
    }
    view.refresh(this.painter);
    if (view.layout.openByDefault !== this.wereOpen) this.showExpand();
  }

  // What a stream tells. A page in the background draws no frames, but lets go of what is old all the same.
  take(event, length) {
    const { search, layout } = this.view;
    if (this.keeper.take(event, length)) {
      search.hits = search.hits.filter((bar) => bar.to > this.model.horizon);
      search.at = -1;
      this.view.hovered = null;
      layout.items = []; // they name lanes that are gone
    }
    this.invalidate();
  }

  showNothing() {
    const note = document.getElementById("nothing");
    note.hidden = this.model.first < Infinity;
    note.textContent = this.isLive ? "Waiting for the first event…" : "No events were recorded.";
  }

  // Moving the view

  zoomBy(factor) {
    const { view } = this;
    const { selected } = view;
    view.endGlide();
    const middle = (view.t0 + view.t1) / 2;
    const at = selected ? (selected.from + Math.min(selected.to, view.now)) / 2 : middle;
    view.zoom(factor, at >= view.t0 && at <= view.t1 ? at : middle);
    this.invalidate();
  }

  panBy(share) {
    this.view.endGlide();
    this.view.pan((this.view.t1 - this.view.t0) * share);
    this.invalidate();
  }

  scrollBy(pixels) {
    this.view.endGlide();
    this.view.top += pixels;
    this.invalidate();
  }

  scrollToShare(share) {
    this.view.top = share * this.view.layout.height - this.pageHeight / 2;
    this.invalidate();
  }

  fit() {
    this.view.glide = null;
    this.view.fit();
    this.invalidate();
  }

  scaleLanes(factor) {
    const { layout } = this.view;
    layout.scale = Math.max(0.5, Math.min(8, layout.scale * factor));
    this.rearrange();
  }

  goTo(from, to, run, row) {
    const { view, painter } = this;
    const wide = Math.max((to - from) * 1.8, Math.min((view.now - this.model.first) / 40, (to - from) * 40), 1e-6);
    const middle = (from + to) / 2;
    const index = run ? view.layout.find(run, row) : -1;
    const top = index < 0 ? view.top : view.topFor(view.layout.items[index], painter);
    view.glideTo(middle - wide / 2, middle + wide / 2, top);
    this.invalidate();
  }

  zoomToSelected() {
    const { selected, stretch, now } = this.view;
    if (selected) this.goTo(selected.from, Math.min(selected.to, now), selected.run, selected.row);
    else if (stretch) this.zoomToStretch();
  }

  // Marking a stretch of time

  mark(from, to) {
    const { model, now } = this.view;
    const [first, last] = [Math.min(from, to), Math.max(from, to)].map((time) => Math.max(model.first, Math.min(time, now)));
    this.view.stretch = last > first ? { from: first, to: last } : null;
    showStretch(this.view);
    this.invalidate();
  }

  markSelected() {
    const { selected, t0, t1, now } = this.view;
    if (selected) this.mark(selected.from, Math.min(selected.to, now));
    else this.mark(t0, t1);
    document.getElementById("spoken").textContent = stretchWords(this.view);
  }

  clearStretch() {
    this.view.stretch = null;
    showStretch(this.view);
    this.invalidate();
  }

  zoomToStretch() {
    const { from, to } = this.view.stretch;
    this.view.glideTo(from - (to - from) * 0.02, to + (to - from) * 0.02, this.view.top);
    this.invalidate();
  }

  // Lanes

  rearrange() {
    this.view.stamp += 1;
    this.invalidate();
  }

  arrange(wishes) {
    Object.assign(this.view.layout, wishes);
    this.view.top = 0;
    this.rearrange();
  }

  toggleLane(run) {
    run.isOpen = !this.view.layout.isOpen(run);
    this.rearrange();
  }

  toggleSelectedLane() {
    const { selected } = this.view;
    if (selected && selected.run.id) this.toggleLane(selected.run);
  }

  openAll() {
    const { layout } = this.view;
    layout.allOpen = !(layout.allOpen ?? layout.openByDefault);
    for (const run of this.model.runs.values()) run.isOpen = null;
    this.showExpand();
    this.rearrange();
  }

  showExpand() {
    const { layout } = this.view;
    const isOpen = layout.allOpen ?? layout.openByDefault;
    this.wereOpen = layout.openByDefault;
    const toggle = document.getElementById("expand");
    toggle.textContent = isOpen ? "Close all" : "Open all";
  }

  // Selecting

  select(bar, { follow = true } = {}) {
    const { view, painter } = this;
    view.selected = bar;
    if (bar && follow) this.bringIntoView(bar);
    document.getElementById("spoken").textContent = bar ? sentence(bar, view).join(", ") : "";
    this.showSelected();
    if (painter) this.invalidate();
  }

  bringIntoView(bar) {
    const { view, painter } = this;
    view.endGlide();
    view.refresh(painter);
    const to = Math.min(bar.to, view.now);
    if (to < view.t0 || bar.from > view.t1) {
      const half = (view.t1 - view.t0) / 2;
      view.show((bar.from + to) / 2 - half, (bar.from + to) / 2 + half);
    }
    const index = view.layout.find(bar.run, bar.row);
    if (index >= 0) view.top = view.topFor(view.layout.items[index], painter);
  }

  showSelectedAgain() {
    const { selected: bar, now } = this.view;
    if (!bar) return;
    const goesOn = bar.state === "open" ? [Math.floor(now), bar.about.pieces?.length, bar.parts?.length] : [];
    const stamp = [bar.state, bar.kind === "run" && bar.run.calls, ...goesOn].join(" ");
    if (stamp !== this.shownStamp) this.showSelected();
    this.shownStamp = stamp;
  }

  showSelected() {
    showDetails(this.view.selected, this.view, { close: () => this.escape(), select: (bar) => this.select(bar) });
  }

  openDetails() {
    if (!this.view.selected) return;
    if (this.main.classList.contains("wide")) this.togglePanel();
    this.showSelected();
    const details = document.getElementById("details");
    details.focus({ preventScroll: true });
    const panel = document.getElementById("panel");
    panel.scrollTop = details.offsetTop - panel.offsetTop - parseFloat(getComputedStyle(panel).paddingTop);
  }

  click(x, y, reach) {
    const { view, painter } = this;
    this.canvas.focus({ preventScroll: true });
    if (y < painter.top) {
      this.clickAbove(x, y);
      return;
    }
    const { item, bar } = view.hit(x, y, painter, reach);
    if (item && item.type === "group") {
      const { closedGroups } = view.layout;
      if (!closedGroups.delete(item.name)) closedGroups.add(item.name);
      this.rearrange();
    } else if (bar) {
      this.select(bar, { follow: false });
      if (this.main.classList.contains("wide")) this.togglePanel();
    } else if (item && x < painter.gutter) {
      if (item.type !== "row" && item.run.id) this.toggleLane(item.run);
      this.select(item.row.span, { follow: false });
    } else this.select(null);
  }

  // In the strips above the lanes: a culprit's mark, or nothing.
  clickAbove(x, y) {
    const culprit = y > AXIS_PX + FLIGHT_PX ? this.painter.culpritAt(x) : 0;
    if (culprit) this.showCulprit(culprit - 1);
    else this.clearStretch();
  }

  doubleClick(x, y) {
    const { bar } = this.view.hit(x, y, this.painter);
    if (bar) this.goTo(bar.from, Math.min(bar.to, this.view.now), bar.run, bar.row);
  }

  // The border between names and lanes, which can be dragged.
  isEdge(x) {
    return Math.abs(x - this.painter.gutter) <= EDGE_PX;
  }

  widenNames(width) {
    this.painter.wished = width;
    this.resized();
  }

  // Searching

  find(text) {
    const { search, layout } = this.view;
    search.find(text);
    layout.only = this.onlyHits.checked ? search.number : 0;
    this.showHits();
    this.rearrange();
  }

  showHits() {
    const { search } = this.view;
    document.getElementById("hits").textContent = search.words();
    document.getElementById("hit-tools").hidden = !search.number;
  }

  findTyped() {
    if (this.searchBox.value.trim() !== this.view.search.text) this.find(this.searchBox.value);
  }

  nextHit(by) {
    this.findTyped();
    const bar = this.view.search.step(by);
    this.showHits();
    if (bar) this.select(bar);
  }

  leaveSearch() {
    if (this.searchBox.value) {
      this.searchBox.value = "";
      this.find("");
    }
    this.canvas.focus();
  }

  // Failures: of each run that failed, what failed last in it.

  nextFailure() {
    const failed = [...this.model.runs.values()].filter((run) => run.state === "failed").sort((a, b) => a.to - b.to);
    if (!failed.length) return;
    this.failure = (this.failure + 1) % failed.length;
    const run = failed[this.failure];
    const bars = [...run.found.values()].filter((bar) => bar.state === "failed").sort((a, b) => a.to - b.to);
    this.select(bars.at(-1) ?? run.root.span);
  }

  // Culprits

  nextCulprit() {
    const all = this.view.report?.culprits.length ?? 0;
    if (all) this.showCulprit((this.view.culprit + 1) % all);
  }

  // Where it happened; asked again, the next place of the same one.
  showCulprit(index) {
    const { view } = this;
    const { at } = view.report.culprits[index];
    this.place = view.culprit === index ? (this.place + 1) % Math.max(1, at.length) : 0;
    view.culprit = index;
    showCulprits(view.report, index, (chosen) => this.showCulprit(chosen));
    document.querySelectorAll(".culprit .head")[index].focus();
    const span = at[this.place];
    if (!span) return;
    const run = span.run_id ? this.model.runs.get(span.run_id) : undefined;
    this.goTo(span.from_s, span.to_s, run, run && span.path ? run.rowAt(span.path) : run?.root);
  }

  // The page around the lanes

  togglePanel() {
    this.showPanel(this.main.classList.contains("wide"));
    this.resized();
  }

  showPanel(isShown) {
    this.main.classList.toggle("wide", !isShown);
    document.getElementById("panel-toggle").setAttribute("aria-expanded", String(isShown));
  }

  toggleTheme() {
    this.setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  }

  setTheme(name) {
    document.documentElement.dataset.theme = name;
    document.getElementById("theme").textContent = name === "dark" ? "Light" : "Dark";
    this.painter.retheme();
    showLegend(this.painter);
    this.invalidate();
  }

  // Paper is light; what is in view is printed.
  print(isPrinted) {
    if (isPrinted) this.themeOnScreen = document.documentElement.dataset.theme;
    this.setTheme(isPrinted ? "light" : this.themeOnScreen);
    this.painter.draw();
  }

  // Drawn at once: a canvas that is given another size is empty until then.
  resized() {
    if (this.painter.resize()) this.frame();
    else this.invalidate();
  }

  escape() {
    const { view } = this;
    if (view.selected) this.select(null);
    else if (view.stretch) this.clearStretch();
    else if (view.search.number) this.leaveSearch();
    else this.fit();
    this.canvas.focus();
  }
}
