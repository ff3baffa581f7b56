// Mouse, touch and keys. What they do to the view is in App; here is only which does what.

const DRAG_PX = 4;
const MOUSE_PX = 3; // how far beside a narrow bar it is still meant
const FINGER_PX = 12;
const LEAST_PINCH_PX = 20;
const KEY_NAMES_PX = 24; // by which a key makes the names wider
const KEYS = [
  ["← →", "bar before, bar after"], ["↑ ↓", "lane above, lane below"], ["Enter", "details of the selected bar"],
  ["Space", "open or close the lane"], ["e", "open or close all lanes"], ["+ −", "zoom; also w s, and the wheel at the pointer"],
  ["Shift + arrows", "move the view; also a d, and dragging"], ["Page ↑ ↓", "a page of lanes up or down"],
  ["Home End", "first or last bar of the lane"], ["z", "zoom to what is selected or marked"], ["0", "show everything"],
  ["m", "mark the stretch of what is selected, or of the view; also dragging above the lanes"],
  ["[ ]", "lower or higher lanes"], ["< >", "narrower or wider names"],
  ["c", "next culprit"], ["f", "next failed run"], ["/", "search"], ["n N", "next or previous hit"],
  ["p", "show or hide the panel"], ["t", "dark or light"], ["?", "these keys"], ["Esc", "close, then clear, then show all"],
];

function listenToKeys(app) {
  const actions = {
    "+": () => app.zoomBy(0.7), "=": () => app.zoomBy(0.7), "w": () => app.zoomBy(0.7),
    "-": () => app.zoomBy(1 / 0.7), "_": () => app.zoomBy(1 / 0.7), "s": () => app.zoomBy(1 / 0.7),
    "a": () => app.panBy(-0.15), "d": () => app.panBy(0.15),
    "0": () => app.fit(), "z": () => app.zoomToSelected(), "e": () => app.openAll(), "c": () => app.nextCulprit(),
    "n": () => app.nextHit(1), "N": () => app.nextHit(-1), "p": () => app.togglePanel(), "t": () => app.toggleTheme(),
    "m": () => app.markSelected(), "f": () => app.nextFailure(),
    "<": () => app.widenNames(app.painter.gutter - KEY_NAMES_PX), ">": () => app.widenNames(app.painter.gutter + KEY_NAMES_PX),
    "[": () => app.scaleLanes(0.75), "]": () => app.scaleLanes(1 / 0.75),
    "/": () => app.searchBox.focus(), "?": () => app.help.showModal(), "Escape": () => app.escape(),
  };
  const onChart = {
    ArrowLeft: (shift) => (shift ? app.panBy(-0.15) : app.walker.selectBeside(-1)),
    ArrowRight: (shift) => (shift ? app.panBy(0.15) : app.walker.selectBeside(1)),
    ArrowUp: (shift) => (shift ? app.scrollBy(-60) : app.walker.selectLane(-1)),
    ArrowDown: (shift) => (shift ? app.scrollBy(60) : app.walker.selectLane(1)),
    PageUp: () => app.scrollBy(-app.pageHeight), PageDown: () => app.scrollBy(app.pageHeight),
    Home: () => app.walker.selectEnd(-1), End: () => app.walker.selectEnd(1),
    Enter: () => app.openDetails(), " ": () => app.toggleSelectedLane(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || app.help.open) return;
    const { target } = event;
    const isChart = target === app.canvas;
    const isTyping = target instanceof HTMLInputElement && target.type === "search" || target instanceof HTMLSelectElement;
    if (isTyping) {
      if (target !== app.searchBox) return;
      if (event.key === "Escape") app.leaveSearch();
      else if (event.key === "Enter") app.nextHit(event.shiftKey ? -1 : 1);
      return;
    }
    const act = (isChart || target === document.body) && onChart[event.key] || actions[event.key];
    if (!act) return;
    event.preventDefault();
    act(event.shiftKey);
  });
}

// One finger or the mouse: drags the lanes, the overview, the border of the names, or marks a stretch of time.
const DRAGS = {
  lanes(app, start, x, y) {
    const seconds = (start.x - x) / app.painter.scale;
    if (x !== start.x) app.view.show(start.t0 + seconds, start.t1 + seconds);
    app.view.top = start.top + start.y - y;
  },
  map: (app, start, x, y) => app.scrollToShare((y - app.painter.top) / app.pageHeight),
  edge: (app, start, x) => app.widenNames(x),
  stretch: (app, start, x) => app.mark(start.time, app.painter.time(x)),
};

function dragAt(app, x, y, event) {
  const { painter } = app;
  if (painter.hasMap && x > painter.right) return y > painter.top ? "map" : "lanes";
  if (event.pointerType !== "touch" && app.isEdge(x)) return "edge";
  return x > painter.gutter && (event.shiftKey || y < painter.top) ? "stretch" : "lanes";
}

// Two fingers: what they are on stays under them. Side by side they zoom time, one above the other the lanes' height.
class Pinch {
  constructor(app, [[x1, y1], [x2, y2]]) {
    this.app = app;
    this.isOfTime = Math.abs(x1 - x2) >= Math.abs(y1 - y2);
    this.middle = [(x1 + x2) / 2, (y1 + y2) / 2];
    this.wide = Math.max(LEAST_PINCH_PX, Math.hypot(x1 - x2, y1 - y2));
  }

  move([[x1, y1], [x2, y2]]) {
    const { view, painter } = this.app;
    const middle = [(x1 + x2) / 2, (y1 + y2) / 2];
    const wide = Math.max(LEAST_PINCH_PX, Math.hypot(x1 - x2, y1 - y2));
    if (this.isOfTime) {
      view.pan((this.middle[0] - middle[0]) / painter.scale);
      view.zoom(this.wide / wide, painter.time(middle[0]));
      view.top += this.middle[1] - middle[1];
    } else {
      const down = (view.top + this.middle[1] - painter.top) / Math.max(1, view.layout.height);
      this.app.scaleLanes(wide / this.wide);
      view.refresh(painter);
      view.top = down * view.layout.height - (middle[1] - painter.top);
    }
    [this.middle, this.wide] = [middle, wide];
  }
}

function listenToPointers(app) {
  const { canvas, view } = app;
  const down = new Map(); // pointers that are pressed
  let start = null;
  let pinch = null;
  const place = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const begin = (x, y, drag, moved) => {
    start = { x, y, t0: view.t0, t1: view.t1, top: view.top, time: app.painter.time(x), moved, drag };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    const [x, y] = place(event);
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [x, y]);
    view.endGlide();
    begin(x, y, dragAt(app, x, y, event), false);
    pinch = down.size === 2 ? new Pinch(app, [...down.values()]) : null;
    if (start.drag === "map") DRAGS.map(app, start, x, y);
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    view.pointer = event.pointerType === "touch" ? -1 : x;
    if (!down.has(event.pointerId) || !start) {
      app.tip.show(x, y);
      return;
    }
    down.set(event.pointerId, [x, y]);
    if (pinch) {
      pinch.move([...down.values()]);
      start.moved = true;
    } else if (start.moved || Math.hypot(x - start.x, y - start.y) > DRAG_PX) {
      start.moved = true;
      canvas.classList.toggle("grabbing", start.drag === "lanes");
      DRAGS[start.drag](app, start, x, y);
    }
    app.invalidate();
  });

  const release = (event) => {
    const was = start;
    down.delete(event.pointerId);
    canvas.classList.remove("grabbing");
    pinch = null;
    start = null;
    for (const [x, y] of down.values()) begin(x, y, "lanes", true); // the finger that is left goes on from here
    if (!down.size && event.type === "pointerup" && was && !was.moved && (was.drag === "lanes" || was.drag === "stretch")) {
      app.click(...place(event), event.pointerType === "touch" ? FINGER_PX : MOUSE_PX);
    }
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => {
    view.pointer = -1;
    app.tip.hide();
  });
  canvas.addEventListener("dblclick", (event) => {
    const [x, y] = place(event);
    if (app.isEdge(x)) app.widenNames(NaN);
    else app.doubleClick(x, y);
  });
  listenToWheel(app, place);
}

function listenToWheel(app, place) {
  const { canvas, view, painter } = app;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x] = place(event);
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? app.pageHeight : 1;
    const overLanes = x > painter.gutter && x < painter.right;
    if (event.shiftKey || !overLanes) app.scrollBy((event.deltaY || event.deltaX) * unit);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) view.pan((event.deltaX * unit) / painter.scale);
    else view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.002)))), painter.time(x));
    app.invalidate();
  }, { passive: false });
}

function listenToTools(app) {
  const on = (id, type, act) => document.getElementById(id).addEventListener(type, act);
  let typing = 0;
  on("search", "input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => app.findTyped(), 90);
  });
  on("next-hit", "click", () => app.nextHit(1));
  on("previous-hit", "click", () => app.nextHit(-1));
  on("only-hits", "change", () => app.find(app.searchBox.value));
  on("sort", "change", (event) => app.arrange({ sort: event.target.value }));
  on("group", "change", (event) => app.arrange({ group: event.target.value }));
  on("expand", "click", () => app.openAll());
  on("zoom-in", "click", () => app.zoomBy(0.7));
  on("zoom-out", "click", () => app.zoomBy(1 / 0.7));
  on("fit", "click", () => app.fit());
  on("stretch-zoom", "click", () => app.zoomToStretch());
  on("stretch-clear", "click", () => app.clearStretch());
  on("panel-toggle", "click", () => app.togglePanel());
  on("theme", "click", () => app.toggleTheme());
  on("help-open", "click", () => app.help.showModal());
  const list = document.getElementById("keys");
  for (const [key, text] of KEYS) {
    const name = element("dt");
    name.append(element("kbd", "", key));
    list.append(name, element("dd", "", text));
  }
}
