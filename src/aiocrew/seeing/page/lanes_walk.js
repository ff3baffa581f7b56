// By the arrow keys from bar to bar and from lane to lane.

class Walker {
  constructor(app) {
    this.app = app;
    this.view = app.view;
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
    if (next) this.app.select(next);
  }

  selectEnd(side) {
    const { bars } = this.lane();
    if (bars.length) this.app.select(bars[side < 0 ? 0 : bars.length - 1]);
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
    this.app.select(best);
  }
}

function barsOf(item) {
  if (item.type !== "closed") return item.row.bars;
  return item.run.tracks.flat().sort((a, b) => a.from - b.from);
}
