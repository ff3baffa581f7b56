// The panel: the culprits, the details of what is selected, the legend. Everything is written as text.

const KIND_NAMES = {
  run: "run", task: "task", agent: "agent", coworker: "co-worker", method: "method of a flow", model: "model call",
  tool: "tool call", delegation: "delegation", guardrail: "guardrail", callback: "callback", human: "human feedback",
  blocked: "blocked event loop", held: "held batch",
};
const STATE_NAMES = { ok: "done", failed: "failed", cancelled: "cancelled", open: "not ended" };

const LEGEND = [
  ["model", "model call"], ["stream", "its reply comes"], ["wait", "waits for a limit"], ["retried", "attempt failed"],
  ["delay", "waits to retry"], ["open", "under way"],
  ["tool", "tool call"], ["delegation", "delegation"], ["guardrail", "guardrail"], ["callback", "callback"],
  ["human", "human feedback"], ["failed", "failed ×"], ["cancelled", "cancelled ∕"], ["blocked-band", "loop blocked"],
  ["span", "run or task"],
];

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = plain(text);
  return made;
}

function button(text, className, onClick) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

class Facts {
  constructor() {
    this.list = element("dl", "facts");
  }

  add(name, value, className) {
    if (value === undefined || value === null || value === "" || Number.isNaN(value)) return this;
    this.list.append(element("dt", "", name), element("dd", className, value));
    return this;
  }

  // Each of `bars` under what it is called, as a button that selects it.
  addLinks(name, bars, calledOf, select) {
    if (!bars.length) return this;
    const value = element("dd");
    bars.forEach((bar, at) => value.append(at ? ", " : "", button(calledOf(bar), "link", () => select(bar))));
    this.list.append(element("dt", "", name), value);
    return this;
  }
}

// A text in a box of its own, and a button that copies it as it is shown.
function textBox(text) {
  const box = element("div", "text");
  box.append(element("pre", "", text), copyButton("Copy", () => plain(text)));
  return box;
}

const TOLD_MS = 1500;

function copyButton(name, textOf) {
  const made = button(name, "copy", async () => {
    const isCopied = await copied(textOf());
    made.textContent = isCopied ? "Copied" : "Not allowed";
    document.getElementById("spoken").textContent = made.textContent;
    setTimeout(() => { made.textContent = name; }, TOLD_MS);
  });
  return made;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard: the page comes from a server without TLS, or the reader forbade it. The old way may still go.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    return isDone;
  }
}

function block(title, text) {
  if (text === undefined || text === null || text === "") return [];
  return [element("h3", "", title), textBox(typeof text === "string" ? text : pretty(text))];
}

function callText(call) {
  return `${call.name}(${pretty(call.arguments)})`;
}

// A message of the prompt: folded, but for the last.
function messageOf(message, isOpen) {
  const holder = element("details", "message");
  holder.open = isOpen;
  const title = element("summary");
  const name = message.type === "tool" ? `tool ${message.name}` : message.type;
  const says = message.text || (message.calls ?? []).map((call) => `${call.name}(…)`).join(", ");
  title.append(element("b", "", name), element("span", "", ` · ${oneLine(says, 60)}`));
  holder.append(title);
  if (message.text) holder.append(textBox(message.text));
  for (const call of message.calls ?? []) holder.append(textBox(callText(call)));
  return holder;
}

function attemptsOf(bar, view) {
  const parts = bar.parts.filter((part) => part.kind !== "sent" || bar.parts.length > 1);
  if (!parts.length) return [];
  const table = element("table", "attempts");
  const head = element("tr");
  for (const name of ["Attempt", "", "Took"]) head.append(element("th", "", name));
  table.append(head);
  for (const part of bar.parts) {
    const what = {
      wait: `waited for ${part.limit}`, sent: "sent", failed: `failed: ${part.error}`, delay: "waited to retry",
    }[part.kind];
    const row = element("tr");
    const took = duration((part.to < Infinity ? part.to : view.now) - part.from);
    for (const text of [part.attempt ?? "", what, took]) row.append(element("td", "", text));
    table.append(row);
  }
  return [element("h3", "", "Attempts"), table];
}

function factsOf(bar, view, select) {
  const { about, run } = bar;
  const end = bar.to < Infinity ? bar.to : view.now;
  const waited = bar.parts ? bar.parts.filter((part) => part.kind === "wait") : [];
  const facts = new Facts()
    .add("Outcome", about.skipped ? "skipped" : STATE_NAMES[bar.state], bar.state === "failed" ? "bad" : "")
    .add("Error", bar.error, "bad");
  const task = taskOf(bar);
  const tasksAt = (paths) => (paths ?? []).map((path) => run.rows.get(path)?.span).filter(Boolean);
  if (run.id && bar !== run.root.span) facts.addLinks("Run", [run.root.span], () => runName(run), select);
  if (task && bar !== task.span) facts.addLinks("Task", [task.span], (span) => span.label, select);
  facts.add("Agent", about.agent).add("Model", about.model).add("Answered by", about.answered)
    .add("Server", about.settings?.server).add("Parameters", parametersOf(about.settings))
    .add("Start", `${duration(bar.from - view.model.origin)} after the first event`)
    .add("Took", duration(end - bar.from))
    .add("Waited", waited.length ? `${duration(sum(waited, view))} for ${[...new Set(waited.map((part) => part.limit))].join(", ")}` : "")
    .add("First token", bar.first >= bar.from ? `after ${duration(bar.first - bar.from)}` : "");
  const wall = bar.from + run.wallMinusAt;
  if (wall > 0 && wall < 8e12) facts.add("At", new Date(wall * 1000).toISOString());
  const usage = about.usage ?? {};
  if (bar.kind === "model" && bar.state === "ok") {
    facts.add("Tokens", `${count(usage.prompt_tokens ?? 0)} in, ${count(usage.completion_tokens ?? 0)} out`)
      .add("From the cache", usage.cached_prompt_tokens ? count(usage.cached_prompt_tokens) : "")
      .add("Reasoning", usage.reasoning_tokens ? count(usage.reasoning_tokens) : "")
      .add("Cost", about.cost === null || about.cost === undefined ? "" : dollars(about.cost))
      .add("Finish", about.finish);
  }
  if (bar.kind === "run" && run.id) {
    facts.add("Calls", count(run.calls)).add("Tokens", count(run.tokens))
      .add("Cost", run.cost ? dollars(run.cost) : "").add("Waited", run.waited ? `${duration(run.waited)} in all, for limits` : "")
      .addLinks("Started in", run.outer ? [run.outer.root.span] : [], (span) => runName(span.run), select)
      .add("Run id", run.id);
  }
  facts.add("Path", bar.run.id ? bar.path : "")
    .addLinks("Waited for", tasksAt(about.waits), (span) => span.label, select)
    .addLinks("Was given", tasksAt(about.sees), (span) => span.label, select)
    .add("Written at", about.written, "mono").add("Stood at", about.at, "mono").add("In", about.function, "mono")
    .add("Taken from before", about.reused ? "yes: the tool did not run again" : "")
    .add("Left running", about.abandoned ? `${about.abandoned}, in its thread; its result is discarded` : "")
    .add("Repaired", about.repaired);
  return facts.list;
}

const NO_PARAMETERS = new Set(["provider", "model", "server", "port"]);

function parametersOf(settings) {
  const isGiven = ([name, value]) => !NO_PARAMETERS.has(name) && value !== null && value !== false && value.length !== 0;
  const given = Object.entries(settings ?? {}).filter(isGiven);
  const words = ([name, value]) => (value === true ? name : `${name} ${Array.isArray(value) ? JSON.stringify(value) : value}`);
  return given.map(words).join(", ");
}

function sum(parts, view) {
  return parts.reduce((total, part) => total + Math.min(part.to, view.now) - part.from, 0);
}

function dollars(cost) {
  return `$${cost < 0.01 ? cost.toPrecision(2) : cost.toFixed(2)}`;
}

// A message of the prompt, with what it has besides its text.
function asSent({ type, text, name, calls }) {
  return { role: type, content: text, ...(name ? { name } : {}), ...(calls?.length ? { calls } : {}) };
}

function textsOf(bar) {
  const { about } = bar;
  const messages = about.request?.messages ?? [];
  const parts = [];
  if (messages.length) {
    const title = element("h3", "", `Prompt · ${counted(messages.length, "message", "messages")}`);
    title.append(copyButton("Copy as JSON", () => plain(JSON.stringify(messages.map(asSent), null, 2))));
    parts.push(title);
    messages.forEach((message, at) => parts.push(messageOf(message, at === messages.length - 1)));
  }
  const tools = (about.request?.tools ?? []).map((tool) => tool.name ?? tool);
  if (tools.length) parts.push(element("h3", "", "Tools offered"), element("p", "mono", tools.join(", ")));
  parts.push(...block("Reply", about.text ?? about.pieces));
  for (const call of about.calls ?? []) parts.push(...block("Asks for", callText(call)));
  parts.push(...block("Arguments", about.arguments && pretty(about.arguments)), ...block("Result", about.result));
  parts.push(...block("Work", about.work), ...block("Answer shown", about.answer), ...block("Feedback", about.feedback));
  if (about.inputs && Object.keys(about.inputs).length) parts.push(...block("Inputs", about.inputs));
  parts.push(...block("Output", about.output), ...block("Reason", about.reason));
  return parts;
}

function titleOf(bar) {
  return `${KIND_NAMES[bar.kind] ?? bar.kind}: ${bar.label}`;
}

// Shown again as it goes on, the same one keeps what was unfolded, scrolled and focused.
let shownBar = null;

function showDetails(bar, view, { close, select }) {
  const holder = document.getElementById("details");
  const isSame = bar !== null && bar === shownBar;
  const unfolded = isSame ? [...holder.querySelectorAll("details")].map((message) => message.open) : [];
  const scrolled = isSame ? [...holder.querySelectorAll("pre")].map((text) => text.scrollTop) : [];
  const focused = isSame ? [...holder.querySelectorAll("button, summary")].indexOf(document.activeElement) : -1;
  shownBar = bar;
  holder.replaceChildren();
  holder.hidden = !bar;
  if (!bar) return;
  const title = element("div", "title");
  title.append(element("h2", "", titleOf(bar)), button("Close", "", close));
  holder.append(title, factsOf(bar, view, select), ...(bar.parts ? attemptsOf(bar, view) : []), ...textsOf(bar));
  holder.querySelectorAll("details").forEach((message, at) => { message.open = unfolded[at] ?? message.open; });
  holder.querySelectorAll("pre").forEach((text, at) => { text.scrollTop = scrolled[at] ?? 0; });
  holder.querySelectorAll("button, summary")[focused]?.focus({ preventScroll: true });
}

function showCulprits(report, current, onClick) {
  const holder = document.getElementById("culprits");
  holder.replaceChildren(element("h2", "", "What kept runs apart"));
  if (!report) {
    holder.append(element("p", "soft", "No report was made of these runs."));
    return;
  }
  if (!report.culprits.length) holder.append(element("p", "soft", "Nothing did."));
  report.culprits.forEach((culprit, index) => {
    const card = element("div", "culprit");
    card.setAttribute("aria-current", String(index === current));
    const head = button("", "head", () => onClick(index));
    head.title = "Go to where it happened; again: to the next place";
    head.append(element("span", "number", index + 1), element("span", "", culprit.cause),
      element("span", "lost", `${duration(culprit.lost_s)} lost`));
    card.append(head);
    if (culprit.file) card.append(element("span", "where", `${culprit.file}:${culprit.line} ${culprit.function}`));
    card.append(element("span", "", culprit.times > 1 ? `${culprit.what} (${count(culprit.times)} times)` : culprit.what),
      element("span", "instead", culprit.instead));
    card.addEventListener("click", (event) => {
      // A click on the card goes there too, but one may also select its text to copy it.
      if (!head.contains(event.target) && getSelection().isCollapsed) onClick(index);
    });
    holder.append(card);
  });
}

// Written anew only where they changed: a figure may be selected, and one is a button.
function showFigures(view, onFailed) {
  const { model, flight } = view;
  const report = model.connection ? null : view.report; // what is streamed is not in it
  const figures = [];
  const add = (name, value, className = "") => figures.push({ name, value, className });
  const wall = report ? report.wall_s : Math.max(0, view.now - model.first);
  const overlap = report ? report.overlap : wall > 0 ? flight.busy / wall : 0;
  const runs = report ? report.runs : [...model.runs.values()].filter((run) => run.id).length + model.runsLetGo;
  if (!(model.first < Infinity) && !report) return;
  add("overlap", `${trimmed(overlap)}×`, "first");
  add(model.horizon > -Infinity ? "shown: the last" : "wall", duration(wall));
  if (report) add("ideal", duration(report.ideal_s));
  add("peak", count(report ? report.peak : flight.peak));
  add("runs", count(runs));
  if (model.totals.failed) add("failed", count(model.totals.failed), "bad");
  if (model.missed) add("events missed", count(model.missed), "bad");
  add("calls", count(report ? report.calls : model.totals.calls + model.totals.tools), "more");
  if (model.totals.waited > 0) add("waited", duration(model.totals.waited), "more");
  if (model.totals.tokens) add("tokens", count(model.totals.tokens), "more");
  if (model.totals.cost) add("cost", dollars(model.totals.cost), "more");
  writeFigures(document.getElementById("figures"), figures, { failed: onFailed });
}

function writeFigures(holder, figures, actions) {
  const names = figures.map(({ name }) => name).join();
  if (holder.dataset.names !== names) {
    holder.dataset.names = names;
    holder.replaceChildren(...figures.map(({ name, className }) => {
      const pair = element("div", className);
      const value = element("dd");
      if (actions[name]) {
        value.append(button("", "link", actions[name]));
        value.firstChild.title = "Next failed run (f)";
      }
      pair.append(element("dt", "", name), value);
      return pair;
    }));
  }
  [...holder.querySelectorAll("dd")].forEach((value, at) => {
    const place = value.querySelector("button") ?? value;
    if (place.textContent !== figures[at].value) place.textContent = figures[at].value;
  });
}

function showLegend(painter) {
  const list = element("ul", "swatches");
  for (const [name, text] of LEGEND) {
    const item = element("li");
    const swatch = element("canvas");
    [swatch.width, swatch.height] = [44, 24];
    const context = swatch.getContext("2d");
    context.scale(2, 2);
    const { hatch, colour } = painter;
    context.fillStyle = hatch[name] ?? { retried: colour.delay, open: colour.model }[name] ?? colour[name];
    context.strokeStyle = colour.delegation;
    context.lineWidth = 2;
    if (name === "delegation") context.strokeRect(1, 1, 20, 10);
    else context.fillRect(0, 0, 22, 12);
    for (const gap of name === "open" ? [3, 6, 9] : []) context.clearRect(22 - gap, 0, gap / 3, 12);
    swatch.setAttribute("aria-hidden", "true");
    item.append(swatch, element("span", "", text));
    list.append(item);
  }
  document.getElementById("legend").replaceChildren(element("h2", "", "Legend"), list);
}

// One sentence for a tooltip and for who listens.
function sentence(bar, view) {
  const end = bar.to < Infinity ? bar.to : view.now;
  const parts = [titleOf(bar), `${STATE_NAMES[bar.state]}, ${duration(end - bar.from)} from ${duration(bar.from - view.model.origin)}`];
  if (bar.about.agent && bar.kind !== "agent") parts.push(`agent ${oneLine(bar.about.agent, 60)}`);
  for (const part of bar.parts ?? []) {
    if (part.kind === "wait") parts.push(`waited ${duration(Math.min(part.to, view.now) - part.from)} for ${part.limit}`);
    if (part.kind === "failed") parts.push(`attempt ${part.attempt} failed: ${oneLine(part.error, 100)}`);
  }
  if (bar.error) parts.push(oneLine(bar.error, 140));
  if (bar.run.id && bar.kind !== "run") parts.push(runName(bar.run));
  return parts;
}
