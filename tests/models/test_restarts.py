"""A streamed reply that breaks after a piece: asked for again like any other, and whoever reads the pieces is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from aiocrew.admission.budget import Budget
from aiocrew.aio.steps import LocalSteps
from aiocrew.errors import BudgetExceededError, OverloadedError, ProviderError, RequestRefusedError
from aiocrew.models.chat import ChatModel
from aiocrew.models.endpoint import Endpoint
from aiocrew.net.pool import aclose
from aiocrew.types.context import Here, Readers, RunContext, Runtime, here
from aiocrew.types.events import Event, LLMCallRetried, LLMCallSent
from aiocrew.types.messages import Chunk, Reply, Request, Restart, User
from aiocrew.types.paths import Path
from aiocrew.types.ports import RestartingModel
from aiocrew.types.terms import Terms
from tests.net.loopback import Provider, completion, http, serving
from tests.net.streamed import BREAKS, broken, call_delta, refused, streamed

REQUEST = Request((User("hi"),))
CUT = broken("cut", "half ")


class Scene:
    """A run in which waiting takes no time; what it waited and told is written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.events: list[Event] = []
        self.budget: Budget | None = None
        self.waits = asyncio.Event()
        self.halts = False
        """Whether a wait has no end."""

    def monotonic_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.waits.set()
        if self.halts:
            await asyncio.Event().wait()

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def told(self, *kinds: type[Any]) -> list[tuple[type[Any], int]]:
        return [(type(event), event.attempt) for event in self.events if isinstance(event, kinds)]

    def pays(self, budget: Budget) -> None:
        enter(self, Terms(purses=(budget,)))


def enter(scene: Scene, terms: Terms) -> None:
    runtime = Runtime(steps=LocalSteps(), clock=scene, new_id=str, chance=lambda: 0.5)
    run = RunContext("r", "crew", runtime, scene.monotonic_s, Readers((scene,)), terms=terms)
    here.set(Here(run, Path("run/task-0")))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    token = here.set(None)
    enter(scene, Terms())
    yield scene
    here.reset(token)
    await aclose()


def model_at(provider: Provider, **options: Any) -> ChatModel:
    url = f"http://127.0.0.1:{provider.port}/v1/chat/completions"
    return ChatModel(Endpoint(**{"provider": "openai", "model": "m", "label": "openai/m", "url": url, **options}))


async def pieces_of(model: RestartingModel) -> list[Chunk | Restart | Reply]:
    return [piece async for piece in model.stream_with_restarts(REQUEST)]


async def closed(provider: Provider) -> None:
    while provider.open:
        provider.gone.clear()
        await provider.gone.wait()


@pytest.mark.parametrize("how", BREAKS)
async def test_a_stream_that_breaks_is_asked_for_again_and_says_that_it_begins_anew(scene: Scene, how: str) -> None:
    async with serving(broken(how, "half ", "of it "), streamed("the ", "whole")) as provider:
        model = model_at(provider, timeout_s=1.0 if how == "stall" else 30.0)
        *pieces, reply = await pieces_of(model)
    assert pieces == [Chunk("half "), Chunk("of it "), Restart(2), Chunk("the "), Chunk("whole")]
    assert isinstance(reply, Reply)
    assert (reply.text, reply.usage.completion_tokens) == ("the whole", 2)
    assert scene.told(LLMCallSent, LLMCallRetried) == [(LLMCallSent, 1), (LLMCallRetried, 1), (LLMCallSent, 2)]
    assert scene.slept == [0.25]


async def test_a_restart_counts_the_attempts_that_gave_no_piece_too(scene: Scene) -> None:
    async with serving(http(b"", "503 Busy"), CUT, b"", completion("in one")) as provider:
        *pieces, reply = await pieces_of(model_at(provider))
    assert pieces == [Restart(2), Chunk("half "), Restart(3), Restart(4), Chunk("in one")]
    assert isinstance(reply, Reply)
    assert reply.text == "in one"
    assert scene.slept == [0.25, 0.5, 1.0]


async def test_a_broken_stream_has_the_retries_of_a_whole_reply(scene: Scene) -> None:
    async with serving(broken("error", "half ")) as provider:
        with pytest.raises(OverloadedError, match=r"upstream is gone \(the last of 3 attempts\)"):
            await pieces_of(model_at(provider, max_retries=2))
    assert len(provider.requests) == 3
    assert len({seen.body for seen in provider.requests}) == 1


async def test_a_retry_tells_the_status_of_the_answer_and_none_where_there_was_no_answer(scene: Scene) -> None:
    async with serving(http(b"", "503 Busy"), b"", broken("limit", "half "), CUT, streamed("whole")) as provider:
        await pieces_of(model_at(provider))
    retries = [event for event in scene.events if isinstance(event, LLMCallRetried)]
    assert [event.status for event in retries] == [503, None, 429, None]


async def test_a_refusal_within_a_stream_is_final(scene: Scene) -> None:
    async with serving(refused("half "), streamed("whole")) as provider:
        with pytest.raises(RequestRefusedError):
            await pieces_of(model_at(provider))
    assert (len(provider.requests), scene.slept) == (1, [])


async def test_what_a_void_attempt_asked_for_is_not_in_the_reply(scene: Scene) -> None:
    half = broken("cut", "let me ", call_delta("delete", '{"all": true}'))
    async with serving(half, streamed(call_delta("look", "{}"), finish="tool_calls")) as provider:
        *_, reply = await pieces_of(model_at(provider))
    assert isinstance(reply, Reply)
    assert (reply.text, [(call.name, call.arguments) for call in reply.calls]) == ("", [("look", "{}")])


async def test_a_loop_of_ones_own_over_stream_never_gets_the_beginning_twice(scene: Scene) -> None:
    async with serving(http(b"", "503 Busy"), CUT, streamed("whole")) as provider:
        pieces = model_at(provider).stream(REQUEST)
        assert await anext(pieces) == Chunk("half ")
        with pytest.raises(ProviderError):
            await anext(pieces)
    assert scene.told(LLMCallSent) == [(LLMCallSent, 1), (LLMCallSent, 2)]


async def test_a_broken_attempt_costs_all_that_was_set_aside_and_the_next_one_what_it_used(scene: Scene) -> None:
    async with serving(CUT, CUT, streamed("the ", "whole")) as provider:
        once = Budget(tokens=1_000_000, reply_tokens=1_000)
        scene.pays(once)
        with pytest.raises(ProviderError):
            await pieces_of(model_at(provider, max_retries=0))
        at_most = once.spent.tokens
        assert at_most is not None
        assert at_most > 1_000
        twice = Budget(tokens=1_000_000, reply_tokens=1_000)
        scene.pays(twice)
        await pieces_of(model_at(provider))
    assert (twice.spent.tokens, twice.spent.requests, twice.reserved.tokens) == (at_most + 12, 2, 0)


async def test_a_budget_that_does_not_cover_the_next_attempt_ends_the_call(scene: Scene) -> None:
    budget = Budget(tokens=1_000_000, requests=1)
    scene.pays(budget)
    async with serving(CUT, streamed("whole")) as provider:
        with pytest.raises(BudgetExceededError):
            await pieces_of(model_at(provider))
    assert (len(provider.requests), budget.reserved.requests) == (1, 0)


async def test_leaving_after_a_restart_closes_the_socket_and_leaves_no_hold(scene: Scene) -> None:
    budget = Budget(tokens=1_000_000)
    scene.pays(budget)
    async with serving(CUT, broken("stall", "again ")) as provider:
        async with aclosing(model_at(provider).stream_with_restarts(REQUEST)) as pieces:  # type: ignore[type-var]
            assert [await anext(pieces) for _ in range(3)] == [Chunk("half "), Restart(2), Chunk("again ")]
        await closed(provider)
    assert (budget.reserved.tokens, budget.spent.requests) == (0, 2)


async def test_a_cancel_before_the_next_attempt_sends_none(scene: Scene) -> None:
    scene.halts = True
    async with serving(CUT) as provider:
        asking = asyncio.ensure_future(pieces_of(model_at(provider)))
        await scene.waits.wait()
        await closed(provider)  # no socket waits with it
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert len(provider.requests) == 1
