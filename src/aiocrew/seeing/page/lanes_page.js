// The page begins: the embedded events, then those of the stream, and what tests may look at.

const RECONNECT_MS = [1000, 2000, 5000, 10000];

// Further events from a stream. The browser connects again by itself where it may; where a server refused, we do.
function listenLive(app, address) {
  const badge = document.getElementById("live");
  let failures = 0;
  const tell = (state) => {
    badge.hidden = false;
    badge.dataset.state = state;
    badge.textContent = state;
    app.isLive = state !== "ended";
    app.invalidate();
  };
  const connect = () => {
    const source = new EventSource(address);
    source.onopen = () => {
      failures = 0;
      app.model.connection += 1;
      tell("live");
    };
    source.onmessage = (message) => {
      let event;
      try {
        event = JSON.parse(message.data);
      } catch {
        return; // half a line of a server that died says nothing
      }
      app.take(event, message.data.length);
      const [came, last] = [performance.now(), app.model.last];
      app.liveAt = (time) => last + (time - came) / 1000;
    };
    source.addEventListener("end", () => {
      source.close();
      app.liveAt = null;
      tell("ended");
    });
    source.onerror = () => {
      app.liveAt = null; // time stands still while nobody tells
      tell("reconnecting");
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)]);
      failures += 1;
    };
  };
  tell("connecting");
  connect();
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  setInterval(() => {
    // What is under way grows as time goes by, also when nothing is told.
    if (app.isLive && !document.hidden) app.invalidate();
  }, isStill.matches ? 1000 : 100);
}

// Where a bar lies, in CSS pixels of the canvas.
function geometryOf(app, bar, item, index) {
  const { painter, view } = app;
  const top = painter.top - view.top;
  const x = painter.x(bar.from);
  const [y, height] = [trackTop(item, index) + top, trackHeight(item)];
  return {
    run: bar.run.id, path: bar.path, kind: bar.kind, label: bar.label, state: bar.state, from: bar.from, to: painter.endOf(bar),
    x, width: painter.x(painter.endOf(bar)) - x, y, height, visible: y + height > painter.top && y < painter.height,
    parts: (bar.parts ?? []).map(({ kind, from, to, limit }) => ({ kind, from, to: Math.min(to, view.now), limit })),
  };
}

// Pan and zoom over everything, a frame at a time, and tell how long each took: drawing, and from frame to frame.
async function measureFrames(app, number) {
  const { view, painter, model } = app;
  const [drawing, between, bars, calls] = [[], [], [], []];
  const all = Math.max(view.now - model.first, 1e-6);
  const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  let before = await nextFrame();
  for (let at = 0; at < number; at += 1) {
    const swing = (1 - Math.cos((at / number) * 2 * Math.PI)) / 2;
    const wide = all * (1.05 - 0.95 * swing);
    view.show(model.first + (all - wide) * swing, model.first + (all - wide) * swing + wide);
    view.top = swing * Math.max(0, view.layout.height - app.pageHeight);
    const began = performance.now();
    app.update();
    painter.draw();
    drawing.push(performance.now() - began);
    bars.push(painter.drawn.bars);
    calls.push(painter.drawn.calls);
    const now = await nextFrame();
    between.push(now - before);
    before = now;
  }
  app.fit();
  return { drawing, between, bars, calls };
}

function looks(app) {
  const { view, painter } = app;
  const settled = () => {
    view.endGlide();
    app.update();
  };
  return Object.freeze({
    get ready() { return app.frames > 0; },
    get drawn() { return { ...painter.drawn }; },
    bars() {
      settled();
      return view.layout.items.flatMap((item) => item.type === "group" ? []
        : tracksOf(item).flatMap((track, index) => track.map((bar) => geometryOf(app, bar, item, index))));
    },
    lanes() {
      settled();
      return view.layout.items.map((item) => ({
        type: item.type, run: item.run ? item.run.id : null, path: item.row ? item.row.path : null, depth: item.depth,
        label: item.type === "group" ? item.text : item.type === "row" ? item.row.span.label : runName(item.run),
        state: item.row ? item.row.span.state : null, y: item.y + painter.top - view.top, height: item.height,
      }));
    },
    view() {
      settled();
      return { from: view.t0, to: view.t1, top: view.top, first: view.model.first, now: view.now, gutter: painter.gutter };
    },
    selected() {
      const bar = view.selected;
      return bar && { run: bar.run.id, path: bar.path, kind: bar.kind, label: bar.label };
    },
    frames: (number) => measureFrames(app, number),
  });
}

function begin() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.title = document.querySelector("h1").textContent = plain(data.title);
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
  const app = new App(data);
  const events = [...unpack(data.packed)].sort((a, b) => a.at_s - b.at_s); // loops of several threads tell in turns
  for (const event of events) app.model.apply(event);
  app.view.alignCulprits();
  app.setTheme(document.documentElement.dataset.theme);
  dark.addEventListener("change", () => app.setTheme(dark.matches ? "dark" : "light"));
  showCulprits(data.report, -1, (chosen) => app.showCulprit(chosen));
  window.addEventListener("beforeprint", () => app.print(true));
  window.addEventListener("afterprint", () => app.print(false));
  listenToKeys(app);
  listenToPointers(app);
  listenToTools(app);
  new ResizeObserver(() => app.resized()).observe(app.canvas);
  if (data.live !== null) listenLive(app, data.live);
  app.frame();
  app.showExpand();
  if (location.hash) showHash(app, location.hash);
  followHash(app);
  window.aiocrewLanes = looks(app);
}

begin();
