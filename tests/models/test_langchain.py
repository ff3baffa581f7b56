"""LangChain's own models and tools in crews. They are no dependency, so this runs where they are installed."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from aiocrew.admission.budget import Budget
from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.errors import BlueprintError
from aiocrew.models.foreign import adopted
from aiocrew.models.foreign_chat import ChatObject, awaits
from aiocrew.models.llm import LLM
from aiocrew.models.lookup import resolve
from aiocrew.net.pool import aclose
from aiocrew.tools.base import as_tool
from aiocrew.types.context import RunOptions
from aiocrew.types.messages import Request, System, User
from tests.crew.scenes import agent_with, task_for
from tests.net.loopback import completion, serving

REASON = "needs langchain-core and langchain-openai"
pytest.importorskip("langchain_core", reason=REASON)
langchain_openai: Any = pytest.importorskip("langchain_openai", reason=REASON)

from langchain_core.language_models import BaseChatModel  # type: ignore[import-not-found]  # noqa: E402
from langchain_core.language_models.fake import FakeListLLM  # type: ignore[import-not-found]  # noqa: E402
from langchain_core.language_models.fake_chat_models import (  # type: ignore[import-not-found]  # noqa: E402
    FakeListChatModel,
    FakeMessagesListChatModel,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage  # type: ignore[import-not-found]  # noqa: E402
from langchain_core.outputs import ChatGeneration, ChatResult  # type: ignore[import-not-found]  # noqa: E402
from langchain_core.tools import BaseTool as TheirBase  # type: ignore[import-not-found]  # noqa: E402
from langchain_core.tools import InjectedToolArg, StructuredTool, ToolException  # type: ignore[import-not-found]  # noqa: E402
from langchain_core.tools import Tool as TheirTool  # type: ignore[import-not-found]  # noqa: E402
from langchain_core.tools import tool as their_tool  # type: ignore[import-not-found]  # noqa: E402

USED = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
ASKED = Request((System("Be brief."), User("Hello?")))


def asking(name: str, **arguments: Any) -> Any:
    call = {"name": name, "args": arguments, "id": "c1", "type": "tool_call"}
    return AIMessage("", tool_calls=[call], usage_metadata=USED)


class Plain(BaseChatModel):
    """Answers by how often it has spoken; its base awaits it in a thread."""

    replies: list[Any] = []
    seen: list[Any] = []

    @property
    def _llm_type(self) -> str:
        return "plain"

    def bind_tools(self, tools: Any, **choice: Any) -> Any:
        return self.bind(tools=tools)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> Any:
        said = sum(isinstance(message, AIMessage) for message in messages)
        self.seen.append((messages, {"stop": stop, **more}, threading.current_thread().name))
        message = self.replies[min(said, len(self.replies) - 1)].model_copy()
        return ChatResult(generations=[ChatGeneration(message=message)])


class Together(Plain):
    """Truly awaits: for as many callers as `party` says."""

    party: Any = None

    async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> Any:
        if self.party is not None:
            await self.party.wait()
        return self._generate(messages, stop, run_manager, **more)


class Party:
    """Lets everybody go when `size` have come, each time anew."""

    def __init__(self, size: int) -> None:
        self.size, self.inside = size, 0
        self.full, self.begun = asyncio.Event(), asyncio.Event()

    async def wait(self) -> None:
        self.begun.set()
        self.inside, full = self.inside + 1, self.full
        if self.inside == self.size:
            self.inside, self.full = 0, asyncio.Event()
            full.set()
        await full.wait()


def crew_of(model: Any, *tools: Any, **fields: Any) -> Crew:
    agent = agent_with(model, tools=list(tools))
    return Crew(agents=[agent], tasks=[task_for(agent, "Work", **fields)])


async def told(tool: Any, **arguments: Any) -> str:
    """Return what a model is told when it calls `tool`."""
    model = Plain(replies=[asking(tool.name, **arguments), AIMessage("done")], seen=[])
    assert (await crew_of(model, tool).kickoff_async()).raw == "done"
    return model.seen[-1][0][-1].content


@pytest.mark.parametrize(
    "model",
    [
        GenericFakeChatModel(messages=iter([AIMessage("hi")])),
        FakeMessagesListChatModel(responses=[AIMessage("hi")]),
        FakeListChatModel(responses=["hi"]),
        FakeListLLM(responses=["hi"]),
    ],
)
async def test_their_fake_models_answer_a_crew(model: Any) -> None:
    assert (await crew_of(model).kickoff_async()).raw == "hi"


GIVEN: list[dict[str, Any]] = [
    {},
    {"temperature": 0, "top_p": 0.5, "seed": 4, "presence_penalty": 0.1, "frequency_penalty": 0.2},
    {"stop": ["x"], "logprobs": True, "top_logprobs": 2, "logit_bias": {5: 1}},
    {"model": "gpt-5", "reasoning_effort": "low", "verbosity": "low", "temperature": 0.4},
    {"model_kwargs": {"user": "me"}, "extra_body": {"top_k": 1}, "service_tier": "flex", "store": True},
    {"organization": "org-1", "default_headers": {"X-Team": "a"}},
    {"model": "qwen/qwen3"},
    {"model_kwargs": {"extra_headers": {"X-Team": "a"}}},
]


@pytest.mark.parametrize("given", GIVEN)
async def test_chat_openai_is_heard_by_its_server_as_if_it_had_been_asked_itself(given: dict[str, Any]) -> None:
    async with serving(completion("hi")) as provider:
        url = f"http://127.0.0.1:{provider.port}/v1"
        chat = langchain_openai.ChatOpenAI(**{"model": "gpt-4o", "api_key": "k", "base_url": url, **given})
        await chat.ainvoke([("system", "Be brief."), ("user", "Hello?")])
        assert (await resolve(chat).model.reply(ASKED)).text == "hi"
        theirs, ours = provider.requests
        await aclose()
        await chat.root_async_client.close()
    bodies = [json.loads(one.body) for one in (theirs, ours)]
    for body in bodies:
        if not body.get("stream"):  # which is what a server takes it for anyway
            body.pop("stream", None)
    assert bodies[0] == bodies[1]
    for name in ("authorization", "openai-organization", "x-team"):
        assert theirs.header(name) == ours.header(name)


def test_chat_openai_goes_by_our_wire_and_azures_by_its_own() -> None:
    assert isinstance(adopted(langchain_openai.ChatOpenAI(model="gpt-4o", api_key="k", timeout=5)), LLM)
    azure = langchain_openai.AzureChatOpenAI(
        azure_endpoint="http://127.0.0.1:1", azure_deployment="mine", api_version="2024-10-21", api_key="k"
    )
    assert isinstance(adopted(azure), ChatObject)
    assert (resolve(azure).tool_protocol, resolve(azure).identity[-4:]) == ("auto", b"mine")


@their_tool
def add(a: int, b: int = 2) -> int:
    """Add."""
    return a + b


def find(q: str) -> str:
    """Find."""
    return f"{q} {threading.current_thread() is threading.main_thread()}"


async def afind(q: str) -> str:
    """Find."""
    return f"{q} awaited {threading.current_thread() is threading.main_thread()}"


class Query(BaseModel):
    q: str
    most: int = Field(default=3, alias="num")


class Finder(TheirBase):
    name: str = "finder"
    description: str = "Finds."
    args_schema: Any = Query

    def _run(self, q: str, most: int = 1, run_manager: Any = None) -> str:
        return f"{q} {most}"


class AwaitedFinder(Finder):
    async def _arun(self, q: str, most: int = 1, run_manager: Any = None) -> str:
        return f"awaited {q} {most}"


@their_tool
def greet(q: str, user: Annotated[str, InjectedToolArg] = "nobody") -> str:
    """Greet."""
    return f"{q} {user}"


@their_tool(response_format="content_and_artifact")
def draw(q: str) -> Any:
    """Draw."""
    return f"a picture of {q}", object()


def refuse(q: str) -> str:
    """Refuse."""
    raise ToolException(f"no {q}")


def loose(q: str, most: int = None, **kwargs: Any) -> str:  # type: ignore[assignment]  # noqa: RUF013
    """Find loosely."""
    return f"{q} {most} {kwargs}"


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (add, {"a": 1}, "3"),
        (StructuredTool.from_function(find), {"q": "x"}, "x False"),
        (StructuredTool.from_function(coroutine=afind), {"q": "x"}, "x awaited True"),
        (StructuredTool.from_function(find, coroutine=afind), {"q": "x"}, "x awaited True"),
        (TheirTool(name="search", func=find, description="Finds."), {"tool_input": "x"}, "x False"),
        (Finder(), {"q": "x"}, "x 3"),
        (Finder(), {"q": "x", "most": 7}, "x 7"),
        (AwaitedFinder(), {"q": "x"}, "awaited x 3"),
        (greet, {"q": "x"}, "x nobody"),
        (draw, {"q": "x"}, "a picture of x"),
        (StructuredTool.from_function(refuse), {"q": "x"}, "The tool 'refuse' failed: ToolException: no x"),
        (StructuredTool.from_function(refuse, handle_tool_error=True), {"q": "x"}, "no x"),
        (StructuredTool.from_function(loose), {"q": "x"}, "x None {}"),
    ],
)
async def test_their_tools_do_their_work(tool: Any, arguments: dict[str, Any], said: str) -> None:
    assert await told(tool, **arguments) == said


async def test_what_is_returned_directly_is_the_tasks_output() -> None:
    direct = StructuredTool.from_function(find, return_direct=True)
    model = Plain(replies=[asking("find", q="x")], seen=[])
    assert (await crew_of(model, direct).kickoff_async()).raw == "x False"


def test_a_tool_that_needs_what_is_injected_is_refused() -> None:
    @their_tool
    def needs(q: str, user: Annotated[str, InjectedToolArg]) -> str:
        """Needs."""
        return q + user

    with pytest.raises(BlueprintError, match="'needs' needs 'user'"):
        as_tool(needs)


async def test_fifty_crews_await_one_model_and_one_tool_at_once_without_a_thread() -> None:
    @their_tool
    async def meet(a: int) -> str:
        """Meet."""
        await party.wait()
        return "met"

    party = Party(50)
    model = Together(replies=[asking("meet", a=1), AIMessage("done", usage_metadata=USED)], seen=[], party=party)
    taken: Any = adopted(model)
    taken._home = None  # whichever test's loop came first
    before = threading.active_count()
    async with asyncio.timeout(20):
        outputs = await asyncio.gather(*(crew_of(taken, meet).kickoff_async() for _ in range(50)))
    assert {(output.raw, output.token_usage.total_tokens) for output in outputs} == {("done", 14)}
    assert threading.active_count() == before


async def test_a_cancelled_crew_leaves_nothing_of_a_model_behind() -> None:
    party = Party(2)
    taken: Any = adopted(Together(replies=[AIMessage("done")], seen=[], party=party))
    taken._home = None
    run = asyncio.create_task(crew_of(taken).kickoff_async())
    await party.begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_a_model_uses_is_paid_from_the_budget() -> None:
    budget = Budget(tokens=100_000)
    model = Plain(replies=[asking("add", a=1), AIMessage("done", usage_metadata=USED)], seen=[])
    await crew_of(model, add).kickoff_async(options=RunOptions(budget=budget))
    assert (budget.spent.tokens, budget.spent.requests) == (14, 2)


async def test_an_answer_in_a_form_and_a_guardrail_in_words_work_with_their_models() -> None:
    class Found(BaseModel):
        x: int

    model = Plain(replies=[AIMessage("none"), AIMessage('{"x": 1}')], seen=[])
    assert (await crew_of(model, output_pydantic=Found).kickoff_async()).pydantic == Found(x=1)
    judge = Plain(replies=[AIMessage('{"valid": true, "feedback": ""}')], seen=[])
    assert (await crew_of(judge, guardrail="Be kind").kickoff_async()).raw == judge.replies[0].content


def test_what_binds_or_chains_a_model_awaits_only_if_that_does() -> None:
    plain, together = Plain(), Together()
    for model, expected in ((plain, False), (together, True)):
        assert [awaits(one) for one in (model, model.bind(a=1), model.with_retry())] == [expected] * 3
    assert not awaits(together.with_fallbacks([plain]))


async def test_what_is_bound_stays_when_tools_are_bound() -> None:
    model = Plain(replies=[asking("add", a=1), AIMessage("done")], seen=[])
    await crew_of(model.bind(temperature=3, stop=["Q"]), add).kickoff_async()
    assert [(more["temperature"], more["stop"], len(more["tools"])) for _, more, _ in model.seen] == [(3, ["Q"], 1)] * 2


def test_an_agent_with_their_model_is_copied_and_goes_to_another_process() -> None:
    agent = Agent(role="R", goal="G", backstory="B", llm=FakeListChatModel(responses=["hi"]))
    for other in (copy.deepcopy(agent), pickle.loads(pickle.dumps(agent))):
        assert other.llm.original.responses == ["hi"]
