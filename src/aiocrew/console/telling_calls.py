"""What the account says of model calls and of tool calls."""

from __future__ import annotations

from aiocrew.console.lines import Line, Span
from aiocrew.console.stories import CallStory, Story
from aiocrew.console.wording import after, counted, cut, dollars, error_lines, faint, said, seconds, who
from aiocrew.types.events import (
    LLMCallCompleted,
    LLMCallFailed,
    LLMCallQueued,
    LLMCallRetried,
    LLMCallSent,
    LLMCallStarted,
    ToolUsageError,
    ToolUsageFinished,
    ToolUsageStarted,
)
from aiocrew.types.paths import Path

__all__ = [
    "call_failed",
    "call_retried",
    "call_sent",
    "call_waits",
    "model_asked",
    "model_replied",
    "tool_called",
    "tool_failed",
    "tool_gave",
]


def model_asked(story: Story, event: LLMCallStarted) -> tuple[Line, ...]:
    story.asked[event.path] = CallStory(event.at_s)
    story.agents[event.path] = event.agent
    count = counted(len(event.request.messages), "message")
    return (said("→", "faint", who(event.agent), faint(f" asks {cut(event.model)} ({count})"), indent=1),)


def call_waits(story: Story, event: LLMCallQueued) -> tuple[Line, ...]:
    _call_at(story, event.path, event.at_s).wait(event.at_s, event.limit)
    attempt = f" with attempt {event.attempt}" if event.attempt > 1 else ""
    agent = who(story.agent_at(event.path) or "a call")
    return (said("⧗", "warning", agent, f" waits{attempt} for {cut(event.limit)}", indent=1),)


def call_sent(story: Story, event: LLMCallSent) -> tuple[Line, ...]:
    _call_at(story, event.path, event.at_s).go_on(event.at_s)
    return ()


def call_retried(story: Story, event: LLMCallRetried) -> tuple[Line, ...]:
    _call_at(story, event.path, event.at_s).go_on(event.at_s)
    agent = who(story.agent_at(event.path) or "a call")
    how = f" tries {cut(event.model)} again in {seconds(event.delay_s)}: attempt {event.attempt} failed: "
    return (said("↻", "warning", agent, how, Span(cut(event.error), "warning"), indent=1),)


def model_replied(story: Story, event: LLMCallCompleted) -> tuple[Line, ...]:
    call, usage = _ended(story, event.path, event.at_s), event.usage
    tokens = usage.prompt_tokens + usage.completion_tokens
    story.calls += 1
    story.tokens += tokens
    if event.cost_usd is None:
        story.unpriced += 1
    else:
        story.cost_usd += event.cost_usd
    facts = [f"{usage.prompt_tokens:,} + {counted(usage.completion_tokens, 'token')}"] if tokens else []
    if event.cost_usd is not None:
        facts.append(dollars(event.cost_usd))
    if event.finish_reason in ("length", "content_filter"):
        facts.append("cut off at its limit of tokens" if event.finish_reason == "length" else "held back by a filter")
    if call is not None and call.limits:
        facts.append(f"{seconds(call.waited_s)} of it waiting for {cut(', '.join(call.limits))}")
    took = after(None if call is None else event.at_s - call.began_s)
    more = "".join(f" · {fact}" for fact in facts)
    head = said("←", "faint", faint(f"{cut(event.model)} replies to "), who(event.agent), faint(took + more), indent=1)
    # Beside calls of tools a text is a thought, which is shown nowhere else; alone it becomes the answer.
    thought = event.calls and event.text.strip()
    return (head, said(" ", "", cut(event.text), indent=1)) if thought else (head,)


def call_failed(story: Story, event: LLMCallFailed) -> tuple[Line, ...]:
    call = _ended(story, event.path, event.at_s)
    took = after(None if call is None else event.at_s - call.began_s)
    head = said("✗", "bad", f"{cut(event.model)} gives ", who(event.agent), f" no reply{took}", indent=1)
    return error_lines(story, head, event.error)


def tool_called(story: Story, event: ToolUsageStarted) -> tuple[Line, ...]:
    story.begin(event.path, event.at_s, event.agent)
    arguments = faint(f" {cut(event.arguments)}")
    return (said("→", "good", who(event.agent), f" calls {cut(event.tool)}", arguments, indent=1),)


def tool_gave(story: Story, event: ToolUsageFinished) -> tuple[Line, ...]:
    took = after(story.end(event.path, event.at_s))
    again = " once more what it gave before" if event.reused else ""
    given = f"{again}{took}: {cut(event.result)}"
    return (said("←", "good", f"{cut(event.tool)} gives ", who(event.agent), given, indent=1),)


def tool_failed(story: Story, event: ToolUsageError) -> tuple[Line, ...]:
    took = after(story.end(event.path, event.at_s))
    head = said("✗", "warning", f"{cut(event.tool)} failed for ", who(event.agent), took, indent=1)
    return error_lines(story, head, event.error)


def _call_at(story: Story, path: Path, at_s: float) -> CallStory:
    return story.asked.setdefault(path, CallStory(at_s))


def _ended(story: Story, path: Path, at_s: float) -> CallStory | None:
    call = story.asked.pop(path, None)
    if call is not None:
        call.go_on(at_s)
    return call
