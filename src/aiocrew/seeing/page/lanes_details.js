// The panel: the culprits, the details of what is selected, the legend. Everything is written as text.

const KIND_NAMES = {
  run: "run", task: "task", agent: "agent", coworker: "co-worker", method: "method of a flow", model: "model call",
  tool: "tool call", delegation: "delegation", guardrail: "guardrail", callback: "callback", human: "human feedback",
  blocked: "blocked event loop", held: "held batch",
};
const STATE_NAMES = { ok: "done", failed: "failed", cancelled: "cancelled", open: "not ended" };

const LEGEND = [
  ["model", "model call"], ["stream", "its reply comes"], ["wait", "waits for a limit"], ["delay", "waits to retry"],
  ["tool", "tool call"], ["delegation", "delegation"], ["guardrail", "guardrail"], ["callback", "callback"],
  ["human", "human feedback"], ["failed", "failed ×"], ["cancelled", "cancelled ∕"], ["blocked-band", "loop blocked"],
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
}

function block(title, text) {
  if (text === undefined || text === null || text === "") return [];
  return [element("h3", "", title), element("pre", "", typeof text === "string" ? text : pretty(text))];
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
  title.append(element("b", "", name), element("span", "", ` · ${oneLine(message.text, 60)}`));
  holder.append(title, element("pre", "", message.text));
  for (const call of message.calls ?? []) holder.append(element("pre", "", callText(call)));
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

function factsOf(bar, view) {
  const { about, run } = bar;
  const end = bar.to < Infinity ? bar.to : view.now;
  const waited = bar.parts ? bar.parts.filter((part) => part.kind === "wait") : [];
  const facts = new Facts()
    .add("Outcome", about.skipped ? "skipped" : STATE_NAMES[bar.state], bar.state === "failed" ? "bad" : "")
    .add("Error", bar.error, "bad");
  if (run.id) facts.add("Run", runName(run));
  if (bar.row.kind === "task" && bar !== bar.row.span) facts.add("Task", bar.row.span.label);
  facts.add("Agent", about.agent).add("Model", about.model).add("Answered by", about.answered)
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
      .add("Started in", run.outer ? runName(run.outer) : "").add("Run id", run.id);
  }
  facts.add("Path", bar.run.id ? bar.path : "")
    .add("Waited for", (about.waits ?? []).map((path) => taskName(run, path)).join(", "))
    .add("Was given", (about.sees ?? []).map((path) => taskName(run, path)).join(", "))
    .add("Written at", about.written, "mono").add("Stood at", about.at, "mono").add("In", about.function, "mono")
    .add("Taken from before", about.reused ? "yes: the tool did not run again" : "")
    .add("Left running", about.abandoned ? `${about.abandoned}, in its thread; its result is discarded` : "")
    .add("Repaired", about.repaired);
  return facts.list;
}

function sum(parts, view) {
  return parts.reduce((total, part) => total + Math.min(part.to, view.now) - part.from, 0);
}

function dollars(cost) {
  return `$${cost < 0.01 ? cost.toPrecision(2) : cost.toFixed(2)}`;
}

function taskName(run, path) {
  const row = run.rows.get(path);
  return row ? row.span.label : path;
}

function textsOf(bar) {
  const { about } = bar;
  const messages = about.request?.messages ?? [];
  const parts = [];
  if (messages.length) {
    parts.push(element("h3", "", `Prompt · ${counted(messages.length, "message", "messages")}`));
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

function showDetails(bar, view, onClose) {
  const holder = document.getElementById("details");
  const isSame = bar !== null && bar === shownBar;
  const unfolded = isSame ? [...holder.querySelectorAll("details")].map((message) => message.open) : [];
  const scrolled = isSame ? [...holder.querySelectorAll("pre")].map((text) => text.scrollTop) : [];
  const hadFocus = isSame && holder.querySelector("button") === document.activeElement;
  shownBar = bar;
  holder.replaceChildren();
  holder.hidden = !bar;
  if (!bar) return;
  const title = element("div", "title");
  title.append(element("h2", "", titleOf(bar)), button("Close", "", onClose));
  holder.append(title, factsOf(bar, view), ...(bar.parts ? attemptsOf(bar, view) : []), ...textsOf(bar));
  holder.querySelectorAll("details").forEach((message, at) => { message.open = unfolded[at] ?? message.open; });
  holder.querySelectorAll("pre").forEach((text, at) => { text.scrollTop = scrolled[at] ?? 0; });
  if (hadFocus) holder.querySelector("button").focus({ preventScroll: true });
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
    const card = button("", "culprit", () => onClick(index));
    card.setAttribute("aria-current", String(index === current));
    const head = element("span", "head");
    head.append(element("span", "number", index + 1), element("span", "", culprit.cause),
      element("span", "lost", `${duration(culprit.lost_s)} lost`));
    card.append(head);
    if (culprit.file) card.append(element("span", "where", `${culprit.file}:${culprit.line} ${culprit.function}`));
    card.append(element("span", "", culprit.times > 1 ? `${culprit.what} (${count(culprit.times)} times)` : culprit.what),
      element("span", "instead", culprit.instead));
    holder.append(card);
  });
}

function showFigures(view) {
  const { model, flight } = view;
  const report = model.connection ? null : view.report; // what is streamed is not in it
  const holder = document.getElementById("figures");
  holder.replaceChildren();
  const add = (name, value, className) => {
    const pair = element("div", className);
    pair.append(element("dt", "", name), element("dd", "", value));
    holder.append(pair);
  };
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
}

function showLegend(painter) {
  const list = element("ul", "swatches");
  for (const [name, text] of LEGEND) {
    const item = element("li");
    const swatch = element("canvas");
    [swatch.width, swatch.height] = [44, 24];
    const context = swatch.getContext("2d");
    context.scale(2, 2);
    context.fillStyle = painter.hatch[name] ?? painter.colour[name];
    context.strokeStyle = painter.colour[name];
    context.lineWidth = 2;
    if (name === "delegation") context.strokeRect(1, 1, 20, 10);
    else context.fillRect(0, 0, 22, 12);
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
