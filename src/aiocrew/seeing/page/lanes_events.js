// Which event changes what in the model.

function isEvent(told) {
  return told !== null && typeof told === "object" && Object.hasOwn(HANDLERS, told.type) && Number.isFinite(told.at_s)
    && typeof told.run_id === "string" && typeof told.path === "string";
}

function endState(event, state) {
  return state === "failed" && CANCELLED.test(event.error ?? "") ? "cancelled" : state;
}

function shortModel(model) {
  return model.slice(model.lastIndexOf("/") + 1) || model;
}

function lastName(dotted) {
  return dotted.slice(dotted.lastIndexOf(".") + 1) || dotted;
}

function fileName(path) {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

const HANDLERS = {
  crew_kickoff_started: (m, e) => m.beginRun(e, "crew", e.crew),
  crew_kickoff_completed: (m, e) => m.endRun(e, "ok", { output: e.output }),
  crew_kickoff_failed: (m, e) => m.endRun(e, "failed", {}),
  lite_agent_execution_started: (m, e) => m.beginRun(e, "agent", e.agent),
  lite_agent_execution_completed: (m, e) => m.endRun(e, "ok", { output: e.output }),
  lite_agent_execution_error: (m, e) => m.endRun(e, "failed", {}),
  flow_started: (m, e) => m.beginRun(e, "flow", e.flow),
  flow_finished: (m, e) => m.endRun(e, "ok", { output: e.output }),
  flow_failed: (m, e) => m.endRun(e, "failed", {}),

  method_execution_started: (m, e) => m.beginRow(e, "method", e.method, {}),
  method_execution_finished: (m, e) => m.endRow(e, "ok", { output: e.output }),
  method_execution_failed: (m, e) => m.endRow(e, "failed", {}),
  task_started: (m, e) =>
    m.beginRow(e, "task", e.task, { agent: e.agent, waits: e.waits, sees: e.sees, written: e.written_at }),
  task_completed: (m, e) => m.endRow(e, "ok", { output: e.output, agent: e.agent }, "task"),
  task_failed: (m, e) => m.endRow(e, "failed", {}, "task"),
  task_skipped: (m, e) => {
    m.beginRow(e, "task", e.task, { agent: e.agent });
    m.endRow(e, "cancelled", { skipped: true }, "task");
  },
  agent_execution_started: (m, e) => m.beginRow(e, "agent", e.agent, { agent: e.agent }),
  agent_execution_completed: (m, e) => m.endRow(e, "ok", { output: e.output }, "agent"),
  agent_execution_error: (m, e) => m.endRow(e, "failed", {}, "agent"),

  llm_call_started: (m, e) => {
    const bar = m.beginBar(e, "model", shortModel(e.model), {
      model: e.model, agent: e.agent, request: e.request, settings: e.settings,
    });
    bar.parts ??= [];
    m.beginAnew(bar);
  },
  llm_call_queued: (m, e) => m.beginPart(e, "wait", { limit: oneLine(e.limit), attempt: e.attempt }),
  llm_call_sent: (m, e) => m.beginPart(e, "sent", { attempt: e.attempt }),
  llm_first_token: (m, e) => {
    const bar = m.openBar(e, "model");
    if (bar && !bar.parts.some((part) => part.from > e.at_s)) bar.first = e.at_s;
  },
  llm_stream_chunk: (m, e) => {
    const bar = m.openBar(e, "model");
    if (bar) m.addPiece(bar, e);
  },
  llm_call_retried: (m, e) => m.retry(e),
  llm_call_completed: (m, e) => m.endCall(e, "ok"),
  llm_call_failed: (m, e) => m.endCall(e, "failed"),
  reply_repaired: (m, e) => {
    const bar = m.runOf(e).found.get(`${e.path}/model model`) ?? m.runOf(e).found.get(`${e.path} model`);
    if (bar) bar.about.repaired = e.problem;
  },

  tool_usage_started: (m, e) => m.beginBar(e, "tool", e.tool, { agent: e.agent, arguments: e.arguments }),
  tool_usage_finished: (m, e) => {
    if (m.endBar(e, "tool", "ok", { result: e.result, reused: e.reused })) m.totals.tools += 1;
  },
  tool_usage_error: (m, e) => {
    if (m.endBar(e, "tool", "failed", {})) m.totals.tools += 1;
  },
  delegation_started: (m, e) => {
    m.becomeDelegation(e);
    m.beginRow(e, "coworker", e.coworker, { agent: e.coworker, work: e.work }, `${e.path}/coworker`);
  },
  delegation_completed: (m, e) => m.endRow({ ...e, path: `${e.path}/coworker` }, "ok", { output: e.output }),
  delegation_failed: (m, e) => m.endRow({ ...e, path: `${e.path}/coworker` }, "failed", {}),
  llm_guardrail_started: (m, e) => m.beginBar(e, "guardrail", e.guardrail, { agent: e.agent }),
  llm_guardrail_completed: (m, e) =>
    m.endBar(e.ok ? e : { ...e, error: e.reason }, "guardrail", e.ok ? "ok" : "failed", { reason: e.reason }),
  human_feedback_requested: (m, e) => m.beginBar(e, "human", "human", { agent: e.agent, answer: e.answer }),
  human_feedback_received: (m, e) => m.endBar(e, "human", "ok", { feedback: e.feedback }),
  callback_started: (m, e) => m.beginBar(e, "callback", lastName(e.callback), { function: e.callback, written: e.written_at }),
  callback_completed: (m, e) => m.endBar(e, "callback", "ok", {}),
  callback_failed: (m, e) => m.endBar(e, "callback", "failed", {}),
  events_missed: (m, e) => { m.missed += e.count; },
  thread_abandoned: (m, e) => {
    const run = m.runOf(e);
    const bar = run.found.get(`${e.path} tool`) ?? run.found.get(`${e.path} callback`) ?? run.rowAt(e.path).span;
    bar.about.abandoned = e.function;
  },

  batch_held: (m, e) =>
    m.stalled(e, "held", e.by === "reader" ? "nobody took outcomes" : `max_concurrency=${e.most}`, e.held_s,
      { by: e.by, most: e.most }),
  loop_blocked: (m, e) =>
    m.stalled(e, "blocked", e.file ? `${e.function} ${fileName(e.file)}:${e.line}` : "blocked", e.blocked_s,
      { at: e.file ? `${e.file}:${e.line}` : "", function: e.function }),
};
