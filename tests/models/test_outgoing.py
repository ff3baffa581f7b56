"""What an attempt costs and where it counts, through the real path of a call to a server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from aiocrew.admission.budget import Budget
from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import BlueprintError, ProviderError
from aiocrew.models.chat import ChatModel
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.own import ask_on_terms
from aiocrew.models.resolved import ResolvedModel
from aiocrew.models.snapshot import admission_snapshot
from aiocrew.net.pool import aclose
from aiocrew.types.context import Here, Readers, RunContext, here
from aiocrew.types.messages import Chunk, Reply, Request, User
from aiocrew.types.paths import Path
from aiocrew.types.prices import Price
from aiocrew.types.terms import Terms
from aiocrew.types.usage import Usage
from tests.net.loopback import Provider, completion, http, serving

REQUEST = Request((User("hi"),))
RESERVED = 1_000
"""More than the prompt, so what is set aside for the reply shows."""


@pytest.fixture
async def budget() -> AsyncIterator[Budget]:
    """Put the test inside a run that this budget pays for."""
    budget = Budget(tokens=1_000_000, reply_tokens=RESERVED)
    token = here.set(where(budget))
    yield budget
    here.reset(token)
    await aclose()


def where(budget: Budget) -> Here:
    run = RunContext("r", "crew", local_runtime(), lambda: 0.0, Readers(), terms=Terms(purses=(budget,)))
    return Here(run, Path("run/task-0"))


def endpoint(port: int, **more: Any) -> Endpoint:
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    settings: dict[str, Any] = {"provider": "openai", "model": "m", "label": "openai/m", "url": url, "max_retries": 0}
    return Endpoint(**(settings | more))


def model_at(provider: Provider, **more: Any) -> ChatModel:
    return ChatModel(endpoint(provider.port, **more))


async def ask(model: ChatModel, *, streamed: bool) -> list[Chunk | Reply]:
    if not streamed:
        return [await model.reply(REQUEST)]
    async with aclosing(model.stream(REQUEST)) as pieces:  # type: ignore[type-var]
        return [piece async for piece in pieces]


def streamed_error(code: int) -> bytes:
    """A reply of which a piece has come when its gateway reports an error."""
    piece = {"choices": [{"index": 0, "delta": {"content": "The answer"}}]}
    events = (piece, {"error": {"code": code, "message": "upstream"}})
    body = b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events)
    return http(body, Content_Type="text/event-stream")


@pytest.mark.parametrize("code", [400, 429, 500, 502, 503])
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_error_within_an_answer_that_had_begun_may_have_cost_all_that_was_set_aside(
    budget: Budget, code: int, streamed: bool
) -> None:
    answer = streamed_error(code) if streamed else http({"error": {"code": code, "message": "upstream"}})
    async with serving(answer) as provider:
        with pytest.raises(ProviderError):
            await ask(model_at(provider), streamed=streamed)
    assert budget.spent.tokens is not None
    assert budget.spent.tokens > RESERVED
    assert budget.reserved.tokens == 0


@pytest.mark.parametrize("status", ["400 Bad Request", "429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_refusal_costs_a_request_and_no_token(budget: Budget, status: str, streamed: bool) -> None:
    async with serving(http(b"", status)) as provider:
        with pytest.raises(ProviderError):
            await ask(model_at(provider), streamed=streamed)
    assert (budget.spent.tokens, budget.spent.requests, budget.reserved.tokens) == (0, 1, 0)


@pytest.mark.parametrize(
    "answer",
    ["no Reply", Reply("fine", usage=None), Reply("fine", usage=Usage("many")), Reply("fine", usage=Usage(-5, -5))],  # type: ignore[arg-type]
)
async def test_whatever_a_model_of_ones_own_returns_its_hold_ends(budget: Budget, answer: Any) -> None:
    async def give() -> Any:
        return answer

    model = ResolvedModel(object(), "Own", "auto", False)  # type: ignore[arg-type]
    outcome = await asyncio.gather(ask_on_terms(model, REQUEST, where(budget), give), return_exceptions=True)
    assert outcome == [answer] or isinstance(outcome[0], (TypeError, AttributeError))
    assert budget.reserved.tokens == 0
    assert budget.spent.tokens is not None
    assert budget.spent.tokens > RESERVED


async def test_a_tier_that_costs_more_than_the_list_says_needs_a_price() -> None:
    token = here.set(where(Budget(usd=1.0)))
    async with serving(completion("ok")) as provider:
        priority = {"parameters": {"service_tier": "priority"}, "model": "gpt-4o", "label": "openai/gpt-4o"}
        with pytest.raises(BlueprintError, match="no price is known for openai/gpt-4o"):
            await model_at(provider, **priority).reply(REQUEST)
        assert provider.requests == []
        priced = model_at(provider, **priority, price=Price(input_usd=1.0, output_usd=1.0))
        assert (await priced.reply(REQUEST)).text == "ok"
    here.reset(token)
    await aclose()


@pytest.mark.parametrize("header", ["Authorization", "api-key"])
def test_two_accounts_that_are_told_by_a_header_have_a_limit_each(header: str) -> None:
    first = ChatModel(endpoint(1, headers={header: "Bearer first-secret"}))
    second = ChatModel(endpoint(1, headers={header: "Bearer second-secret"}))
    assert first._limit is not second._limit
    shown = repr(admission_snapshot())
    assert "secret" not in shown


async def test_a_request_that_cannot_be_encoded_again_leaves_no_hold(
    budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiocrew.models import outgoing

    def out_of_memory(*args: Any, **more: Any) -> bytes:
        if "more" in more:
            raise MemoryError
        return b"{}"

    monkeypatch.setattr(outgoing, "encode_request", out_of_memory)
    async with serving(completion("ok")) as provider:
        with pytest.raises(MemoryError):
            await model_at(provider).reply(REQUEST)
    assert (budget.reserved.tokens, budget.spent.requests) == (0, 0)
