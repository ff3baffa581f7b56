// What the page can do, whoever asks for it: a key, the mouse, a button, a test.

class App {
  constructor(data) {
    this.model = new Model();
    this.keeper = new Keeper(this.model);
    this.view = new View(this.model, data.report);
    this.canvas = document.getElementById("chart");
    this.painter = new Painter(this.canvas, this.view);
    this.searchBox = document.getElementById("search");
    this.onlyHits = document.getElementById("only-hits");
    this.help = document.getElementById("help");
    this.main = document.getElementById("main");
    this.isLive = false;
    this.frames = 0;
    this.seen = -1; // the model's changes as they were last shown
    this.shownAt = 0;
    this.asked = false;
    if (!data.report && !data.live) this.togglePanel();
    else if (this.painter.width < 560) this.togglePanel();
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
      showFigures(view);
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
    const { selected, now } = this.view;
    if (selected) this.goTo(selected.from, Math.min(selected.to, now), selected.run, selected.row);
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
    toggle.setAttribute("aria-pressed", String(Boolean(isOpen)));
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
    showDetails(this.view.selected, this.view, () => this.escape());
  }

  // The bars of the lane that the selected one is in, in order of time.
  lane() {
    const { view } = this;
    const index = view.selected ? view.layout.find(view.selected.run, view.selected.row) : view.layout.at(view.top);
    const item = view.layout.items[Math.max(0, index)];
    if (!item || item.type === "group") return { index: Math.max(0, index), bars: [] };
    return { index, bars: barsOf(item) };
  }

  selectBeside(by) {
    const { bars } = this.lane();
    const { selected } = this.view;
    const at = bars.indexOf(selected);
    const next = at < 0 ? bars[by > 0 ? 0 : bars.length - 1] : bars[at + by];
    if (next) this.select(next);
  }

  selectEnd(side) {
    const { bars } = this.lane();
    if (bars.length) this.select(bars[side < 0 ? 0 : bars.length - 1]);
  }

  // The next lane up or down: there, the bar that is nearest in time.
  selectLane(by) {
    const { view } = this;
    const { items } = view.layout;
    const { selected } = view;
    let index = this.lane().index + (selected ? by : 0);
    while (items[index] && items[index].type === "group") index += by || 1;
    if (!items[index]) return;
    const time = selected ? selected.from : view.t0;
    let best = items[index].row.span;
    for (const bar of barsOf(items[index])) {
      if (best.kind === items[index].row.kind || Math.abs(bar.from - time) < Math.abs(best.from - time)) best = bar;
    }
    this.select(best);
  }

  openDetails() {
    if (!this.view.selected) return;
    if (this.main.classList.contains("wide")) this.togglePanel();
    this.showSelected();
    const details = document.getElementById("details");
    details.focus();
    details.scrollIntoView({ block: "start" });
  }

  click(x, y) {
    const { view, painter } = this;
    this.canvas.focus({ preventScroll: true });
    const { item, bar } = view.hit(x, y, painter);
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

  doubleClick(x, y) {
    const { bar } = this.view.hit(x, y, this.painter);
    if (bar) this.goTo(bar.from, Math.min(bar.to, this.view.now), bar.run, bar.row);
  }

  hover(x, y) {
    const { view, painter } = this;
    const tip = document.getElementById("tip");
    const { item, bar } = x < 0 ? { item: null, bar: null } : view.hit(x, y, painter);
    view.hovered = bar;
    const text = bar ? sentence(bar, view).join("\n") : item && x < painter.gutter ? item.text || this.nameOf(item) : "";
    tip.hidden = !text;
    if (text) {
      tip.textContent = text;
      const left = Math.max(4, Math.min(x + 14, painter.width - tip.offsetWidth - 6));
      const top = y + 18 + tip.offsetHeight < painter.height ? y + 18 : Math.max(4, y - tip.offsetHeight - 10);
      tip.style.transform = `translate(${left}px, ${top}px)`;
    }
    this.canvas.style.cursor = bar || (item && x < painter.gutter) ? "pointer" : "default";
    this.invalidate();
  }

  nameOf(item) {
    return item.type === "row" ? sentence(item.row.span, this.view).join("\n") : runName(item.run);
  }

  // Searching

  find(text) {
    const { search, layout } = this.view;
    search.find(text);
    layout.only = this.onlyHits.checked ? search.number : 0;
    document.getElementById("hits").textContent = search.words();
    this.rearrange();
  }

  findTyped() {
    if (this.searchBox.value.trim() !== this.view.search.text) this.find(this.searchBox.value);
  }

  nextHit(by) {
    this.findTyped();
    const bar = this.view.search.step(by);
    document.getElementById("hits").textContent = this.view.search.words();
    if (bar) this.select(bar);
  }

  leaveSearch() {
    if (this.searchBox.value) {
      this.searchBox.value = "";
      this.find("");
    }
    this.canvas.focus();
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
    document.querySelectorAll(".culprit")[index].focus();
    const span = at[this.place];
    if (!span) return;
    const run = span.run_id ? this.model.runs.get(span.run_id) : undefined;
    this.goTo(span.from_s, span.to_s, run, run && span.path ? run.rowAt(span.path) : run?.root);
  }

  // The page around the lanes

  togglePanel() {
    const isWide = this.main.classList.toggle("wide");
    document.getElementById("panel-toggle").setAttribute("aria-expanded", String(!isWide));
    this.resized();
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

  resized() {
    this.painter.resize();
    this.invalidate();
  }

  escape() {
    const { view } = this;
    if (view.selected) this.select(null);
    else if (view.search.number) this.leaveSearch();
    else this.fit();
    this.canvas.focus();
  }
}

function barsOf(item) {
  if (item.type !== "closed") return item.row.bars;
  return item.run.tracks.flat().sort((a, b) => a.from - b.from);
}
