// The address says what is shown, so that it is kept when the page is loaded anew, and others can be sent there.

const HASH_MS = 400; // browsers refuse an address that changes all the time
const LEAST_SCALE = 1e-6;

// What is shown, as text; empty where that is what the page begins with.
function hashOf(app) {
  const { view, model, searchBox } = app;
  const { layout, selected, stretch } = view;
  const parts = new URLSearchParams();
  const times = (from, to) => `${(from - model.origin).toFixed(6)}_${(to - model.origin).toFixed(6)}`;
  if (!view.isFitted) parts.set("view", times(view.t0, view.t1));
  if (view.top > 0) parts.set("top", String(Math.round(view.top)));
  if (layout.sort !== "start") parts.set("sort", layout.sort);
  if (layout.group !== "none") parts.set("group", layout.group);
  if (layout.allOpen !== null) parts.set("open", layout.allOpen ? "all" : "none");
  if (searchBox.value.trim()) parts.set("find", searchBox.value.trim());
  if (stretch) parts.set("marked", times(stretch.from, stretch.to));
  if (selected) parts.set("at", [selected.run.id, selected.kind, selected.path].join("_"));
  return parts.toString();
}

// Show what the address says. It may have been written by anyone: what makes no sense is passed over.
function showHash(app, hash) {
  const { view, model, searchBox } = app;
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const times = (name) => {
    const given = (parts.get(name) ?? "").split("_").map((text) => model.origin + Number.parseFloat(text));
    return given.length === 2 && given.every(Number.isFinite) && given[1] - given[0] > LEAST_SCALE ? given : null;
  };
  for (const name of ["sort", "group"]) {
    const select = document.getElementById(name);
    if (![...select.options].some((option) => option.value === parts.get(name))) continue;
    select.value = view.layout[name] = parts.get(name);
  }
  if (parts.has("open")) view.layout.allOpen = parts.get("open") === "all";
  if (parts.has("find")) {
    searchBox.value = parts.get("find");
    app.find(searchBox.value);
  }
  app.rearrange();
  app.update();
  const [runId, kind, ...path] = (parts.get("at") ?? "").split("_");
  const bar = barAt(model.runs.get(runId), kind, path.join("_"));
  if (bar) app.select(bar);
  const [inView, marked] = [times("view"), times("marked")];
  if (inView) view.show(...inView);
  if (marked) app.mark(...marked);
  const top = Number.parseFloat(parts.get("top"));
  if (top >= 0) view.top = top;
  app.showExpand();
  app.invalidate();
}

function barAt(run, kind, path) {
  if (!run) return null;
  const row = run.rows.get(path);
  return run.found.get(`${path} ${kind}`) ?? (kind === "delegation" ? run.found.get(`${path} tool`) : undefined)
    ?? (row && row.kind === kind ? row.span : null);
}

// Keep the address true from now on.
function followHash(app) {
  let waiting = 0;
  let said = hashOf(app);
  window.addEventListener("hashchange", () => showHash(app, location.hash));
  app.onFrame = () => {
    waiting ||= setTimeout(() => {
      waiting = 0;
      const hash = hashOf(app);
      if (hash === said) return;
      said = hash;
      try {
        history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
      } catch (error) {
        if (error.name !== "SecurityError") throw error; // a page inside another one may have no address of its own
      }
    }, HASH_MS);
  };
}
