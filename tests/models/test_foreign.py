"""Models of others in llm=: CrewAI's protocol, LangChain's, and objects that only name a model."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, SecretStr

from aiocrew.admission.budget import Budget
from aiocrew.errors import BlueprintError, NotBuiltError
from aiocrew.models.chat import ChatModel
from aiocrew.models.foreign import adopted
from aiocrew.models.foreign_base import ForeignModel
from aiocrew.models.foreign_chat import ChatObject, LoopHome
from aiocrew.models.llm import LLM
from aiocrew.models.lookup import resolve
from aiocrew.net.exchange import Answer
from aiocrew.types.context import RunOptions
from aiocrew.types.messages import Assistant, Reply, Request, System, ToolCall, ToolResult, ToolSpec, User
from aiocrew.types.ports import Model
from aiocrew.types.prices import Price
from aiocrew.types.usage import Usage
from tests.crew.scenes import one_task_crew
from tests.doubles import on_virtual_time

ASKED = Request((System("Be brief."), User("Hello?")))
TOOL = ToolSpec("search", "Finds.", msgspec.Raw(b'{"type":"object","properties":{"q":{"type":"string"}}}'))
TALK = Request(
    (
        User("Hello?"),
        Assistant("Let me look.", (ToolCall("c1", "search", '{"q":"x"}'),)),
        ToolResult("c1", "search", "y"),
    ),
    (TOOL,),
)
TOOL_DICT = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Finds.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    },
}


def answer(llm: Any, request: Request = ASKED) -> Any:
    """Return what the model for `llm` replies."""
    return resolve(llm).model.reply(request)


# CrewAI's protocol


class Caller:
    """CrewAI's protocol, written without CrewAI."""

    def __init__(self, result: Any = "Hi.") -> None:
        self.model = "mine"
        self.stop = ["END"]
        self.result = result
        self.seen: list[Any] = []

    def call(self, messages: Any, tools: Any = None, callbacks: Any = None, available_functions: Any = None) -> Any:
        self.seen.append((messages, tools, threading.current_thread()))
        return self.result


async def test_a_call_gets_messages_as_dicts_and_a_thread_of_its_own() -> None:
    caller = Caller()
    assert await answer(caller) == Reply("Hi.")
    [(messages, tools, thread)] = caller.seen
    assert messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
    assert (tools, thread is threading.main_thread(), caller.stop) == (None, False, ["END"])


async def test_an_async_call_runs_on_the_loop() -> None:
    class Awaited:
        async def acall(self, messages: Any, **_: Any) -> str:
            return threading.current_thread().name

        def call(self, messages: Any) -> str:
            raise AssertionError("acall is there")

    assert (await answer(Awaited())).text == threading.current_thread().name


async def test_a_subclass_that_overrides_call_alone_is_called_by_that() -> None:
    class Base:
        async def acall(self, messages: Any) -> str:
            return "the base's"

    class Mine(Base):
        def call(self, messages: Any) -> str:
            return "mine"

    assert (await answer(Mine())).text == "mine"


async def test_an_acall_that_is_not_implemented_is_none() -> None:
    class Half:
        async def acall(self, messages: Any) -> str:
            raise NotImplementedError

        def call(self, messages: Any) -> str:
            return "by call"

    assert (await answer(Half())).text == "by call"


def _only(messages: Any) -> str:
    return f"{len(messages)}"


def _with_callbacks(messages: Any, callbacks: Any = []) -> str:  # noqa: B006 - as people write it
    return f"{len(messages)} {callbacks}"


def _all_needed(messages: Any, tools: Any, callbacks: Any, available_functions: Any) -> str:
    return f"{len(messages)} {tools} {callbacks} {available_functions}"


def _by_name(*, messages: Any) -> str:
    return f"{len(messages)}"


def _anything(*args: Any, **kwargs: Any) -> str:
    return f"{len(args[0])} {sorted(kwargs)}"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (_only, "2"),
        (_with_callbacks, "2 []"),
        (_all_needed, "2 None None None"),
        (_by_name, "2"),
        (_anything, "2 []"),
    ],
)
async def test_a_call_is_given_what_it_takes(call: Any, expected: str) -> None:
    assert (await answer(SimpleNamespace(call=call))).text == expected


def test_a_call_that_takes_no_messages_is_refused_by_name() -> None:
    with pytest.raises(BlueprintError, match=r"SimpleNamespace\.call takes no messages"):
        adopted(SimpleNamespace(call=lambda: "?"))


class Functions(Caller):
    def supports_function_calling(self) -> bool:
        return True


async def test_tools_go_to_objects_that_say_they_call_functions() -> None:
    caller = Functions()
    assert resolve(caller).tool_protocol == "auto"
    await answer(caller, TALK)
    [(messages, tools, _)] = caller.seen
    assert tools == [TOOL_DICT]
    call = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q":"x"}'}}
    assert messages[1:] == [
        {"role": "assistant", "content": "Let me look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "search", "content": "y"},
    ]


def test_objects_that_do_not_say_so_have_the_text_protocol() -> None:
    class Deaf(Functions):
        def call(self, messages: Any) -> str:  # type: ignore[override]
            return "no tools here"

    assert [resolve(llm).tool_protocol for llm in (Caller(), Deaf())] == ["text", "text"]


@pytest.mark.parametrize(
    ("item", "identity"),
    [
        ({"id": "a", "type": "function", "function": {"name": "search", "arguments": '{"q":1}'}}, "a"),
        (SimpleNamespace(id="a", function=SimpleNamespace(name="search", arguments='{"q":1}')), "a"),
        (SimpleNamespace(id="a", type="tool_use", name="search", input={"q": 1}), "a"),
        ({"toolUseId": "a", "name": "search", "input": {"q": 1}}, "a"),
        (SimpleNamespace(function_call=SimpleNamespace(name="search", args={"q": 1})), "call-0"),
        ({"name": "search", "args": {"q": 1}, "id": None}, "call-0"),
        ({"id": "item", "call_id": "a", "name": "search", "arguments": '{"q":1}'}, "a"),
    ],
)
async def test_a_list_of_calls_is_understood_in_each_providers_form(item: Any, identity: str) -> None:
    reply = await answer(Functions([item]), TALK)
    assert reply == Reply("", (ToolCall(identity, "search", '{"q":1}'),), finish_reason="tool_calls")


class Post(BaseModel):
    content: str


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, ""),
        (7, "7"),
        ([], "[]"),
        (["a", {"name": "b"}], "['a', {'name': 'b'}]"),
        (Post(content="x"), '{"content":"x"}'),
        (SimpleNamespace(content=["a", {"type": "text", "text": "b"}]), "ab"),
    ],
)
async def test_anything_else_becomes_a_text(result: Any, text: str) -> None:
    assert await answer(Caller(result)) == Reply(text)


async def test_what_a_call_raises_is_raised() -> None:
    def fail(messages: Any) -> str:
        raise ConnectionError("no line")

    with pytest.raises(ConnectionError, match="no line"):
        await answer(SimpleNamespace(call=fail))


async def test_many_calls_run_side_by_side() -> None:
    together = threading.Barrier(40, timeout=20)

    class Blocking:
        def call(self, messages: Any) -> str:
            return str(together.wait() >= 0)

    replies = await asyncio.gather(*(answer(Blocking()) for _ in range(40)))
    assert {reply.text for reply in replies} == {"True"}


def test_an_adopted_object_says_whose_it_is() -> None:
    caller = Caller()
    taken: Any = adopted(caller)
    assert isinstance(taken, Model)
    assert (taken.original, taken.name, taken.model, adopted(taken)) == (caller, "Caller", "mine", taken)
    assert (resolve(taken).name, repr(taken)) == ("Caller", "CallingModel(Caller)")
    other = Caller()
    assert resolve(caller).identity == resolve(other).identity
    other.model = "another"
    assert resolve(caller).identity != resolve(other).identity
    assert copy.deepcopy(taken).original.model == "mine"
    assert not hasattr(taken, "nothing_of_the_kind")


def test_an_adopted_object_may_have_a_price() -> None:
    priced = Caller()
    priced.price = Price(input_usd=1, output_usd=2)  # type: ignore[attr-defined]
    assert resolve(priced).price == Price(input_usd=1, output_usd=2)


# Subclasses of our LLM


class Never(LLM):
    """As people wrote them for CrewAI 0.80: its `__init__` never calls the base's."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.stop = ["END"]
        self.calls = 0

    def call(self, messages: Any, *_: Any, **__: Any) -> str:  # type: ignore[override]
        self.calls += 1
        return f"{self.label}: {messages[-1]['content']}"


async def test_a_subclass_that_never_calls_the_base_answers_by_itself() -> None:
    llm = Never("mine")
    assert adopted(llm) is llm
    assert await answer(llm) == Reply("mine: Hello?")
    assert (llm.calls, llm.temperature, llm.stop, resolve(llm).name) == (1, None, ["END"], "Never")
    assert (copy.copy(llm).label, copy.deepcopy(llm).calls, "Never" in repr(llm)) == ("mine", 1, True)


async def test_attributes_from_before_and_after_the_bases_init_stay() -> None:
    class Both(LLM):
        def __init__(self) -> None:
            self.before: list[int] = []
            super().__init__("offline/instant", temperature=0.5)
            self.after = threading.Lock()

    llm = Both()
    assert (llm.before, llm.model, llm.temperature, llm.after.locked()) == ([], "offline/instant", 0.5, False)
    first = llm.resolve()
    llm.before.append(1)
    assert llm.resolve() is first
    with pytest.raises(ValueError, match="max_tokens"):
        llm.max_tokens = 0


async def test_what_super_uses_counts_as_used_by_the_subclass() -> None:
    class Twice(LLM):
        async def acall(self, messages: Any, *args: Any, **named: Any) -> Any:  # type: ignore[override]
            await super().acall("Reply with exactly: first")
            return await super().acall("Reply with exactly: second", *args, **named)

    class InAThread(LLM):
        def call(self, messages: Any, *args: Any, **named: Any) -> Any:  # type: ignore[override]
            super().call("Reply with exactly: first")
            return super().call("Reply with exactly: second", *args, **named)

    plain = LLM("offline/instant").resolve().model
    each = [(await plain.reply(Request((User(f"Reply with exactly: {word}"),)))).usage for word in ("first", "second")]
    for kind in (Twice, InAThread):
        reply = await answer(kind("offline/instant"))
        assert reply.text == "second"
        assert reply.usage.prompt_tokens == sum(usage.prompt_tokens for usage in each) > 0
        assert reply.usage.completion_tokens == sum(usage.completion_tokens for usage in each) > 0


class Server:
    """Stands where the network begins."""

    async def post(self, body: bytes, timeout_s: float, timed_out: Any) -> Answer:
        choice = {"message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 30, "completion_tokens": 7}
        return Answer(200, {}, msgspec.json.encode({"choices": [choice], "usage": usage, "model": "m"}))


def test_what_super_asks_inside_a_run_is_paid_for_once() -> None:
    class Logged(LLM):
        async def acall(self, messages: Any, *args: Any, **named: Any) -> Any:  # type: ignore[override]
            return await super().acall(messages, *args, **named)

    llm = Logged("openai/m", base_url="http://localhost:1/v1", price=Price(input_usd=1, output_usd=1))
    model = llm.resolve().model
    assert isinstance(model, ChatModel)
    model._target = Server()  # type: ignore[assignment]
    budget = Budget(tokens=100_000)
    crew = one_task_crew(llm)
    output = on_virtual_time(lambda: crew.kickoff_async({"topic": "x"}, options=RunOptions(budget=budget)))
    assert (output.raw, output.token_usage.total_tokens, output.cost_usd) == ("Done.", 37, 37e-6)
    assert (budget.spent.requests, budget.spent.tokens) == (1, 37)


@pytest.mark.parametrize(("model", "name"), [("gpt-4o", "openai/gpt-4o"), ("acme/x", "acme/x"), (None, "Never")])
def test_a_subclass_is_known_by_the_model_that_it_names(model: str | None, name: str) -> None:
    llm = Never("mine")
    llm.model = model
    assert resolve(llm).name == name


async def test_fields_that_only_crewai_has_are_attributes_of_a_subclass_that_answers_by_itself() -> None:
    class Custom(LLM):
        def __init__(self, model: str, endpoint: str) -> None:
            super().__init__(model, temperature=0.5, provider="acme", additional_params={"a": 1})
            self.endpoint = endpoint
            self.llm_type = "custom"

        def call(self, messages: Any, *_: Any, **__: Any) -> str:  # type: ignore[override]
            return f"{self.provider} {self.llm_type} {self.additional_params} {self.endpoint}"  # type: ignore[attr-defined]

    llm = Custom("acme/x", "http://localhost")
    assert (await answer(llm)).text == "acme custom {'a': 1} http://localhost"
    assert (llm.model, copy.deepcopy(llm).temperature) == ("acme/x", 0.5)
    llm.temperature = 0.7
    assert llm.provider == "acme"  # type: ignore[attr-defined]


def test_a_subclass_that_answers_by_the_base_has_no_such_fields() -> None:
    class Named(LLM):
        pass

    with pytest.raises(NotBuiltError, match="provider"):
        Named("offline/instant", provider="acme")


def test_a_subclass_that_answers_by_the_base_is_an_llm_as_any() -> None:
    class Named(LLM):
        pass

    llm = Named("offline/instant")
    assert resolve(llm) is llm.resolve()


# LangChain's protocol


class Message:
    """What LangChain's AIMessage has."""

    def __init__(self, content: Any, **more: Any) -> None:
        self.content = content
        self.tool_calls: list[Any] = []
        self.response_metadata: dict[str, Any] = {}
        self.usage_metadata: Any = None
        vars(self).update(more)


class Chat:
    """A chat model of LangChain's form."""

    model_name = "chat-1"

    def __init__(self, message: Any) -> None:
        self.message = message
        self.seen: list[Any] = []
        self.bound: Any = None

    async def ainvoke(self, messages: Any, config: Any = None, **_: Any) -> Any:
        self.seen.append(messages)
        return self.message

    def invoke(self, messages: Any, config: Any = None) -> Any:
        raise AssertionError("ainvoke is there")

    def bind_tools(self, tools: Any, **choice: Any) -> Any:
        self.bound = (tools, choice)
        return self


async def test_a_chat_model_is_read_with_its_usage() -> None:
    usage = {
        "input_tokens": 20,
        "output_tokens": 5,
        "total_tokens": 25,
        "input_token_details": {"cache_read": 8, "cache_creation": 2},
        "output_token_details": {"reasoning": 3},
    }
    said = {"finish_reason": "length", "model_name": "chat-1-2026"}
    chat = Chat(Message("Hi.", usage_metadata=usage, response_metadata=said))
    reply = await answer(chat)
    assert reply == Reply("Hi.", (), Usage(20, 5, 8, 2, 3), "length", model="chat-1-2026")
    assert chat.seen == [[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]]
    assert resolve(chat).identity.endswith(b"Chat auto chat-1")


async def test_tools_are_bound_and_calls_go_both_ways() -> None:
    chat = Chat(Message("", tool_calls=[{"name": "search", "args": {"q": "x"}, "id": "c2", "type": "tool_call"}]))
    assert (await answer(chat, TALK)).calls == (ToolCall("c2", "search", '{"q":"x"}'),)
    assert chat.bound == ([TOOL_DICT], {})
    call = {"name": "search", "args": {"q": "x"}, "id": "c1", "type": "tool_call"}
    assert chat.seen[0][1:] == [
        {"role": "assistant", "content": "Let me look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "search", "content": "y"},
    ]
    await answer(chat, msgspec.structs.replace(TALK, tool_choice="required"))
    assert chat.bound[1] == {"tool_choice": "any"}


async def test_calls_with_broken_arguments_come_back_as_they_were_written() -> None:
    broken = [{"name": "search", "args": '{"q": ', "id": "c3", "error": "not JSON"}]
    reply = await answer(Chat(Message("", invalid_tool_calls=broken)), TALK)
    assert reply.calls == (ToolCall("c3", "search", '{"q": '),)
    chat = Chat(Message("ok"))
    await answer(chat, Request((User("?"), reply.message(), ToolResult("c3", "search", "no JSON")), (TOOL,)))
    assert chat.seen[0][1]["tool_calls"][0]["args"] == {}


async def test_thoughts_go_back_with_the_message_that_had_them() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    content = [
        thought,
        {"type": "text", "text": "Look"},
        {"type": "tool_use", "id": "c", "name": "search", "input": {}},
    ]
    chat = Chat(Message(content, tool_calls=[{"name": "search", "args": {}, "id": "c"}]))
    reply = await answer(chat, TALK)
    assert reply.text == "Look"
    await answer(chat, Request((User("?"), reply.message(), ToolResult("c", "search", "y"))))
    assert chat.seen[1][1]["content"] == [thought, {"type": "text", "text": "Look"}]


async def test_a_refusal_is_one() -> None:
    reply = await answer(Chat(Message("", additional_kwargs={"refusal": "I will not"})))
    assert reply.refusal == "I will not"


async def test_a_model_with_invoke_alone_has_a_thread_and_may_answer_in_plain_text() -> None:
    class Plain:
        def invoke(self, messages: Any) -> str:
            return f"{messages[-1]['content']} {threading.current_thread() is threading.main_thread()}"

    assert (resolve(Plain()).tool_protocol, await answer(Plain())) == ("text", Reply("Hello? False"))


async def test_an_ainvoke_that_only_hands_on_to_a_thread_is_passed_by() -> None:
    class Base:
        async def ainvoke(self, messages: Any) -> Any:
            raise AssertionError("this would wait for a place on the default executor")

        async def _agenerate(self) -> Any: ...

        def bind_tools(self, tools: Any) -> Any:
            raise NotImplementedError

    for name in ("_agenerate", "bind_tools"):
        method: Any = getattr(Base, name)
        method.__module__, method.__qualname__ = "langchain_core.language_models.chat_models", f"BaseChatModel.{name}"

    class Fake(Base):
        def invoke(self, messages: Any) -> Any:
            return Message("by thread")

    assert (resolve(Fake()).tool_protocol, (await answer(Fake())).text) == ("text", "by thread")


class Pooled:
    """A model of LangChain's whose objects share a client, and the client keeps connections of the loop that came."""

    opened_in: asyncio.AbstractEventLoop | None = None

    async def ainvoke(self, messages: Any) -> str:
        here = asyncio.get_running_loop()
        Pooled.opened_in = Pooled.opened_in or here
        if Pooled.opened_in is not here:
            raise RuntimeError("Event loop is closed")
        return "awaited"

    def invoke(self, messages: Any) -> str:
        return "by thread"


Pooled.__module__ = "langchain_pooled.chat_models"


class OfMine(Pooled):
    """A subclass in an application's own module."""


def replies_in_loops(kinds: list[type[Any]]) -> list[str]:
    """Return what an object of each kind says, each asked in an event loop of its own."""
    home = LoopHome()
    return [asyncio.run(ChatObject(kind(), home).reply(ASKED)).text for kind in kinds]


def test_models_that_share_a_client_are_awaited_in_one_loop_and_by_thread_in_all_others() -> None:
    assert replies_in_loops([Pooled, Pooled, OfMine]) == ["awaited", "by thread", "by thread"]


class Bound:
    """What LangChain's RunnableBinding is: it hands `bind_tools` on and forgets what was bound."""

    def __init__(self, bound: Any, **kwargs: Any) -> None:
        self.bound, self.kwargs, self.config = bound, kwargs, {"tags": ["a"]}

    def bind_tools(self, tools: Any) -> Any:
        return Bound(self.bound, tools=tools)

    def bind(self, **more: Any) -> Any:
        return Bound(self.bound, **{**self.kwargs, **more})

    def with_config(self, config: Any) -> Any:
        self.config = config
        return self

    def invoke(self, messages: Any) -> Any:
        return f"{sorted(self.kwargs)} {self.kwargs['tools'][0]} {self.config}"

    async def ainvoke(self, messages: Any) -> Any:
        raise AssertionError("what it binds cannot truly await")


async def test_what_was_bound_to_a_model_stays_when_tools_are_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    class Base:
        async def _agenerate(self) -> Any: ...

        def invoke(self, messages: Any) -> Any: ...

        async def ainvoke(self, messages: Any) -> Any: ...

    method: Any = Base._agenerate
    method.__module__, method.__qualname__ = "langchain_core.language_models", "BaseChatModel._agenerate"
    for kind in (Bound, Base):
        monkeypatch.setattr(kind, "__module__", "langchain_core")
    model = Bound(Base(), temperature=0, tools=["theirs"])
    assert (await answer(model, TALK)).text == f"['temperature', 'tools'] {TOOL_DICT} {{'tags': ['a']}}"


def test_a_chat_model_can_go_to_another_process() -> None:
    taken = pickle.loads(pickle.dumps(adopted(OfMine())))
    assert isinstance(taken, ChatObject)
    assert taken._home is pickle.loads(pickle.dumps(taken))._home


async def test_in_the_loop_that_awaited_first_they_are_awaited_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pooled, "opened_in", None)
    home = LoopHome()
    first, second = ChatObject(Pooled(), home), ChatObject(OfMine(), home)
    models = (first, second, first, copy.deepcopy(first))
    assert [(await model.reply(ASKED)).text for model in models] == ["awaited"] * 4


def test_what_is_not_langchains_or_can_only_be_awaited_is_awaited_in_every_loop() -> None:
    class OnlyAwaited:
        async def ainvoke(self, messages: Any) -> str:
            return "awaited"

    class Own(OnlyAwaited):
        def invoke(self, messages: Any) -> str:
            raise NotImplementedError

    OnlyAwaited.__module__ = "langchain_only"
    assert replies_in_loops([OnlyAwaited, OnlyAwaited]) == ["awaited"] * 2
    OnlyAwaited.__module__ = "mine"
    assert replies_in_loops([Own, Own]) == ["awaited"] * 2


# Objects that name a model


class ChatOpenAI:
    """What LangChain's class of this name carries."""

    def __init__(self, **given: Any) -> None:
        self.model_name = "gpt-4"
        self.temperature = 0.7
        self.openai_api_key: Any = SecretStr("sk-1")
        self.openai_api_base = None
        self.request_timeout: Any = None
        self.max_retries = 2
        self.model_fields_set = set(given)
        self.streaming = False
        self.model_kwargs: dict[str, Any] = {}
        self.http_client = None
        vars(self).update(given)

    async def ainvoke(self, messages: Any) -> Any:
        return Message("by LangChain")


ChatOpenAI.__module__ = "langchain_openai.chat_models.base"


def test_chat_openai_becomes_an_llm_with_its_parameters() -> None:
    llm = adopted(
        ChatOpenAI(
            openai_api_base="http://localhost:1/v1",
            openai_organization="org",
            request_timeout=9,
            max_retries=1,
            seed=7,
            stop=["x"],
            model_kwargs={"top_k": 1},
            service_tier="flex",
        )
    )
    assert isinstance(llm, LLM)
    assert llm == LLM(
        "gpt-4",
        temperature=0.7,
        api_key="sk-1",
        base_url="http://localhost:1/v1",
        timeout=9,
        max_retries=1,
        seed=7,
        stop=["x"],
        stream=False,
        extra_headers={"OpenAI-Organization": "org"},
        extra_body={"top_k": 1, "service_tier": "flex"},
    )
    model = resolve(ChatOpenAI()).model
    assert isinstance(model, ChatModel)
    assert (model.endpoint.key, model.endpoint.max_retries) == ("sk-1", LLM("m").max_retries)


def test_chat_openai_sends_its_model_as_it_is_written() -> None:
    llm = adopted(ChatOpenAI(model_name="deepseek/deepseek-chat", openai_api_base="http://localhost:1/v1"))
    model = resolve(llm).model
    assert isinstance(model, ChatModel)
    assert (model.endpoint.provider, model.endpoint.model) == ("openai", "deepseek/deepseek-chat")


@pytest.mark.parametrize(
    "given",
    [
        {"http_client": object()},
        {"use_responses_api": True},
        {"openai_api_key": lambda: "sk-1"},
        {"request_timeout": (1, 2)},
        {"n": 2},
        {"model_kwargs": {"messages": []}},
        {"model_kwargs": {"extra_headers": {"X-Team": "a"}}},
        {"model_name": "gpt-5.2-codex"},
    ],
)
async def test_chat_openai_with_more_than_an_llm_has_is_asked_itself(given: dict[str, Any]) -> None:
    taken = adopted(ChatOpenAI(**given))
    assert isinstance(taken, ForeignModel)
    assert (await taken.reply(ASKED)).text == "by LangChain"


def test_subclasses_and_namesakes_of_chat_openai_are_asked_themselves() -> None:
    class AzureChatOpenAI(ChatOpenAI):
        pass

    class Elsewhere(ChatOpenAI):
        pass

    Elsewhere.__name__ = "ChatOpenAI"
    for llm in (AzureChatOpenAI(), Elsewhere()):
        assert isinstance(adopted(llm), ForeignModel)


@pytest.mark.parametrize("name", ["model_name", "model", "deployment_name"])
def test_an_object_that_only_names_a_model_becomes_an_llm(name: str) -> None:
    named = SimpleNamespace(**{name: "gpt-4o"}, temperature=0.1, api_key="sk-2", timeout=object(), other=1)
    assert adopted(named) == LLM("gpt-4o", temperature=0.1, api_key="sk-2")


# What is taken


def test_names_llms_and_models_stay_what_they_are() -> None:
    class Own:
        async def reply(self, request: Request) -> Reply:
            return Reply("")

        def call(self, messages: Any) -> str:
            return "not asked"

    for llm in ("openai/gpt-4o", LLM("m"), Own()):
        assert adopted(llm) is llm


def test_none_is_the_environments_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL", "offline/instant")
    llm = adopted(None)
    assert isinstance(llm, LLM)
    assert llm.model == "offline/instant"


@pytest.mark.parametrize("llm", [3, Caller, Chat, {"model": "gpt-4o"}, object(), SimpleNamespace(model=" ")])
def test_anything_else_is_refused_and_says_what_is_taken(llm: Any) -> None:
    with pytest.raises(BlueprintError, match=r"openai/gpt-4o-mini.*LLM\(.*`call`.*`invoke`"):
        adopted(llm)
