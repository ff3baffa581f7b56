// Mouse, touch and keys. What they do to the view is in App; here is only which does what.

const DRAG_PX = 4;
const KEYS = [
  ["← →", "bar before, bar after"], ["↑ ↓", "lane above, lane below"], ["Enter", "details of the selected bar"],
  ["Space", "open or close the lane"], ["e", "open or close all lanes"], ["+ −", "zoom; also w s, and the wheel at the pointer"],
  ["Shift + arrows", "move the view; also a d, and dragging"], ["Page ↑ ↓", "a page of lanes up or down"],
  ["Home End", "first or last bar of the lane"], ["z", "zoom to what is selected"], ["0", "show everything"],
  ["[ ]", "lower or higher lanes"], ["c", "next culprit"], ["/", "search"], ["n N", "next or previous hit"],
  ["p", "show or hide the panel"], ["t", "dark or light"], ["?", "these keys"], ["Esc", "close, then clear, then show all"],
];

function listenToKeys(app) {
  const actions = {
    "+": () => app.zoomBy(0.7), "=": () => app.zoomBy(0.7), "w": () => app.zoomBy(0.7),
    "-": () => app.zoomBy(1 / 0.7), "_": () => app.zoomBy(1 / 0.7), "s": () => app.zoomBy(1 / 0.7),
    "a": () => app.panBy(-0.15), "d": () => app.panBy(0.15),
    "0": () => app.fit(), "z": () => app.zoomToSelected(), "e": () => app.openAll(), "c": () => app.nextCulprit(),
    "n": () => app.nextHit(1), "N": () => app.nextHit(-1), "p": () => app.togglePanel(), "t": () => app.toggleTheme(),
    "[": () => app.scaleLanes(0.75), "]": () => app.scaleLanes(1 / 0.75),
    "/": () => app.searchBox.focus(), "?": () => app.help.showModal(), "Escape": () => app.escape(),
  };
  const onChart = {
    ArrowLeft: (shift) => (shift ? app.panBy(-0.15) : app.selectBeside(-1)),
    ArrowRight: (shift) => (shift ? app.panBy(0.15) : app.selectBeside(1)),
    ArrowUp: (shift) => (shift ? app.scrollBy(-60) : app.selectLane(-1)),
    ArrowDown: (shift) => (shift ? app.scrollBy(60) : app.selectLane(1)),
    PageUp: () => app.scrollBy(-app.pageHeight), PageDown: () => app.scrollBy(app.pageHeight),
    Home: () => app.selectEnd(-1), End: () => app.selectEnd(1),
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

function listenToPointers(app) {
  const { canvas, view } = app;
  const down = new Map(); // pointers that are pressed
  let start = null;
  let pinch = 0;
  const place = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    const [x, y] = place(event);
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [x, y]);
    start = { x, y, t0: view.t0, t1: view.t1, top: view.top, moved: false, onMap: app.painter.hasMap && x > app.painter.right && y > app.painter.top };
    pinch = 0;
    if (start.onMap) app.scrollToShare((y - app.painter.top) / app.pageHeight);
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    view.pointer = event.pointerType === "touch" ? -1 : x;
    if (!down.has(event.pointerId) || !start) {
      app.hover(x, y);
      return;
    }
    down.set(event.pointerId, [x, y]);
    if (down.size === 2) {
      const [[x1], [x2]] = [...down.values()];
      const wide = Math.max(20, Math.abs(x1 - x2));
      if (pinch) view.zoom(pinch / wide, app.painter.time((x1 + x2) / 2));
      pinch = wide;
      start.moved = true;
    } else if (start.onMap) app.scrollToShare((y - app.painter.top) / app.pageHeight);
    else if (start.moved || Math.hypot(x - start.x, y - start.y) > DRAG_PX) {
      start.moved = true;
      canvas.classList.add("grabbing");
      const seconds = (start.x - x) / app.painter.scale;
      if (x !== start.x) view.show(start.t0 + seconds, start.t1 + seconds);
      view.top = start.top + start.y - y;
    }
    app.invalidate();
  });

  const release = (event) => {
    const was = start;
    down.delete(event.pointerId);
    canvas.classList.remove("grabbing");
    if (down.size) return;
    start = null;
    if (event.type === "pointerup" && was && !was.moved && !was.onMap) app.click(...place(event));
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => {
    view.pointer = -1;
    app.hover(-1, -1);
  });
  canvas.addEventListener("dblclick", (event) => app.doubleClick(...place(event)));

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x] = place(event);
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? app.pageHeight : 1;
    const overLanes = x > app.painter.gutter && x < app.painter.right;
    if (event.shiftKey || !overLanes) app.scrollBy((event.deltaY || event.deltaX) * unit);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) view.pan((event.deltaX * unit) / app.painter.scale);
    else view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.002)))), app.painter.time(x));
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
