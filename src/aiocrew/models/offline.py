"""The embedded model, `offline/...`: for demos, tests and benchmarks. No network, no key, no language model."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import lru_cache

import msgspec

from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import BlueprintError
from aiocrew.models.offline_answer import answer_to
from aiocrew.models.offline_arguments import filled_in
from aiocrew.models.offline_brief import Brief, brief_of, subject_of, words_of
from aiocrew.types.context import here
from aiocrew.types.messages import Assistant, Chunk, Reply, Request, ToolCall, ToolSpec
from aiocrew.types.usage import Usage

__all__ = ["OfflineModel", "offline_model", "reply_to"]

_DEMO_LATENCY_S = 0.3
_LATENCY = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s)")
_CHARACTERS_A_TOKEN = 4
_MOST_CALLS = 2


class OfflineModel:
    """A model that answers out of the request itself after `latency_s`: the same request gets the same reply.

    It sleeps by the clock of the run that it is called in, so that a virtual time holds for it too.
    """

    def __init__(self, latency_s: float = _DEMO_LATENCY_S) -> None:
        self.latency_s = latency_s

    async def reply(self, request: Request) -> Reply:
        if self.latency_s > 0:
            at = here.get()
            clock = local_runtime().clock if at is None else at.run.runtime.clock
            await clock.sleep(self.latency_s)
        return reply_to(request)

    async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
        reply = await self.reply(request)
        for piece in re.findall(r"\S+\s*|\s+", reply.text):
            yield Chunk(piece)
        yield reply


@lru_cache(maxsize=256)
def offline_model(name: str) -> OfflineModel:
    """Return the model of `offline/<name>`: "demo", "instant", or its latency ("200ms", "2s").

    Raises BlueprintError for any other name.
    """
    if name == "demo":
        return OfflineModel()
    if name == "instant":
        return OfflineModel(0.0)
    match = _LATENCY.fullmatch(name)
    if match is None:
        raise BlueprintError(
            f"model='offline/{name}': the offline model is offline/demo, offline/instant, or with the time it takes "
            f"offline/200ms or offline/2s"
        )
    return OfflineModel(float(match["number"]) / (1000 if match["unit"] == "ms" else 1))


def reply_to(request: Request) -> Reply:
    """Return the offline model's reply. Its token counts are estimates: a token for every four characters."""
    brief = brief_of(request)
    calls = _calls(brief)
    if brief.in_text:
        text, calls = _in_text(brief, calls), ()
    else:
        text = "" if calls else answer_to(brief)
    return Reply(
        text=text,
        calls=calls,
        usage=_usage(request, text, calls),
        finish_reason="tool_calls" if calls else "stop",
        model="offline",
    )


def _calls(brief: Brief) -> tuple[ToolCall, ...]:
    """Return the calls that serve the task best; none when tools gave something already."""
    if not brief.tools or (not brief.must_call and (brief.results or brief.exactly)):
        return ()
    task = words_of(f"{brief.task} {brief.expected}")
    scored = [(len(words_of(f"{tool.name} {tool.description}") & task), tool) for tool in brief.tools]
    (best, first), *others = sorted(scored, key=lambda pair: -pair[0])
    # A second tool only where it fits about as well as the best one.
    chosen = [first, *(tool for score, tool in others if score * 2 > best)][:_MOST_CALLS]
    return tuple(_call(tool, brief, n) for n, tool in enumerate(chosen))


def _call(tool: ToolSpec, brief: Brief, n: int) -> ToolCall:
    arguments = filled_in(tool.parameters, subject=subject_of(brief.task), task=brief.task)
    return ToolCall(f"offline-{brief.turn}-{n}", tool.name, msgspec.json.encode(arguments).decode())


def _in_text(brief: Brief, calls: tuple[ToolCall, ...]) -> str:
    if calls:
        call = calls[0]  # the protocol has room for one
        return f"Thought: {call.name} may know more.\nAction: {call.name}\nAction Input: {call.arguments}"
    return f"Thought: I have what the task needs.\nFinal Answer: {answer_to(brief)}"


def _usage(request: Request, text: str, calls: tuple[ToolCall, ...]) -> Usage:
    asked = sum(len(message.text) for message in request.messages)
    asked += sum(len(c.arguments) for m in request.messages if isinstance(m, Assistant) for c in m.calls)
    asked += sum(len(tool.description) + len(bytes(tool.parameters)) for tool in request.tools)
    said = len(text) + sum(len(call.name) + len(call.arguments) for call in calls)
    return Usage(prompt_tokens=_tokens(asked), completion_tokens=_tokens(said))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_A_TOKEN)
