"""What the account says of tasks and of the agents that do them."""

from __future__ import annotations

from aiocrew.console.lines import Line
from aiocrew.console.stories import Story
from aiocrew.console.wording import after, block, cut, error_lines, faint, said, who
from aiocrew.types.events import (
    AgentExecutionStarted,
    CallbackFailed,
    DelegationCompleted,
    DelegationFailed,
    DelegationStarted,
    HumanFeedbackReceived,
    HumanFeedbackRequested,
    LLMGuardrailCompleted,
    ReplyRepaired,
    TaskCompleted,
    TaskFailed,
    TaskSkipped,
    TaskStarted,
    ThreadAbandoned,
)

__all__ = [
    "agent_at_work",
    "callback_failed",
    "guardrail_judged",
    "human_asked",
    "human_said",
    "reply_repaired",
    "task_done",
    "task_failed",
    "task_skipped",
    "task_started",
    "thread_abandoned",
    "work_came_back",
    "work_failed",
    "work_handed_on",
]


def task_started(story: Story, event: TaskStarted) -> tuple[Line, ...]:
    story.begin(event.path, event.at_s, event.agent)
    return (said("●", "good", who(event.agent), f" starts: {cut(story.filled(event.task))}"),)


def task_done(story: Story, event: TaskCompleted) -> tuple[Line, ...]:
    took = after(story.end(event.path, event.at_s))
    return block(said("✓", "good", who(event.agent), f" answers{took}"), event.output)


def task_failed(story: Story, event: TaskFailed) -> tuple[Line, ...]:
    took = after(story.end(event.path, event.at_s))
    task = f"'{cut(story.filled(event.task))}'"
    story.failed_at = f"task {task} of {cut(event.agent)}"
    head = said("✗", "bad", f"task {task} of ", who(event.agent), f" failed{took}")
    return error_lines(story, head, event.error)


def task_skipped(story: Story, event: TaskSkipped) -> tuple[Line, ...]:
    skipped = faint(f"{cut(story.filled(event.task))} (its condition did not hold)")
    return (said("·", "faint", who(event.agent), " skips: ", skipped),)


def agent_at_work(story: Story, event: AgentExecutionStarted) -> tuple[Line, ...]:
    story.agents[event.path] = event.agent  # what the lines of a task and of a delegation do not say
    return ()


def reply_repaired(story: Story, event: ReplyRepaired) -> tuple[Line, ...]:
    return (said("↻", "warning", who(event.agent), f" is corrected: {cut(event.problem)}", indent=1),)


def guardrail_judged(story: Story, event: LLMGuardrailCompleted) -> tuple[Line, ...]:
    guardrail, agent = f"guardrail {cut(event.guardrail, 100)} ", who(event.agent)
    if event.ok:
        return (said("✓", "faint", guardrail, "accepts the answer of ", agent, indent=1),)
    head = said("✗", "warning", guardrail, "rejects the answer of ", agent, indent=1)
    return block(head, event.reason)


def human_asked(story: Story, event: HumanFeedbackRequested) -> tuple[Line, ...]:
    return (said("●", "warning", who(event.agent), " asks a person to judge the answer", indent=1),)


def human_said(story: Story, event: HumanFeedbackReceived) -> tuple[Line, ...]:
    agent = who(event.agent)
    if not event.feedback.strip():
        return (said("✓", "good", "a person accepts the answer of ", agent, indent=1),)
    return block(said("↻", "warning", "a person tells ", agent, indent=1), event.feedback)


def work_handed_on(story: Story, event: DelegationStarted) -> tuple[Line, ...]:
    story.begin(event.path, event.at_s, event.agent)
    return (said("→", "good", who(event.agent), " hands to ", who(event.coworker), f": {cut(event.work)}", indent=1),)


def work_came_back(story: Story, event: DelegationCompleted) -> tuple[Line, ...]:
    took, answer = after(story.end(event.path, event.at_s)), cut(event.output)
    return (said("←", "good", who(event.coworker), " answers ", who(event.agent), f"{took}: {answer}", indent=1),)


def work_failed(story: Story, event: DelegationFailed) -> tuple[Line, ...]:
    took = after(story.end(event.path, event.at_s))
    head = said("✗", "bad", who(event.coworker), " failed at the work for ", who(event.agent), took, indent=1)
    return error_lines(story, head, event.error)


def callback_failed(story: Story, event: CallbackFailed) -> tuple[Line, ...]:
    return error_lines(story, said("✗", "bad", "callback ", who(event.callback), " failed"), event.error)


def thread_abandoned(story: Story, event: ThreadAbandoned) -> tuple[Line, ...]:
    rest = " goes on in its thread though nobody waits any more; its result is discarded"
    return (said("✗", "warning", who(event.function), rest),)
