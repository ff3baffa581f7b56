"""The LLM blueprint: its fields, what it resolves to, and calling it directly."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from typing import Any, ClassVar

import msgspec
import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from aiocrew.errors import BlueprintError, CallbackError, MissingKeyError, ModelRefusedError, NotBuiltError
from aiocrew.models.chat import ChatModel
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.llm import LLM
from aiocrew.models.resolved import ResolvedModel
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.limits import Limits
from aiocrew.types.messages import Assistant, Message, Reply, Request, System, ToolCall, ToolResult, User
from aiocrew.types.usage import Usage


class Inner(BaseModel):
    x: int = 3


class Answer(BaseModel):
    name: str
    inner: Inner | None = None


class Open(BaseModel):
    anything: dict[str, Any]


class Spy:
    """A model that answers with `answer` and keeps what it was asked."""

    asked: ClassVar[list[Request]] = []

    def __init__(self, answer: Reply) -> None:
        self.answer = answer

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.answer


class SpyLLM(LLM):
    answer: Any = None

    def resolve(self) -> ResolvedModel:
        return ResolvedModel(Spy(self.answer), "spy", "auto", stream=False, callbacks=tuple(self.callbacks or ()))


def endpoint(llm: LLM) -> Endpoint:
    model = llm.resolve().model
    assert isinstance(model, ChatModel)
    return model.endpoint


def test_everything_that_is_given_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    llm = LLM(
        "gpt-4o",
        temperature=0.0,
        max_tokens=5,
        stop=["x"],
        logit_bias={50256: -100},
        timeout=9,
        max_retries=1,
        limits=Limits(max_in_flight=2),
        extra_headers={"X-A": "b"},
        extra_body={"top_k": 1, "seed": 8},
        seed=7,
        tool_protocol="text",
        stream=True,
    )
    assert endpoint(llm) == Endpoint(
        provider="openai",
        model="gpt-4o",
        label="openai/gpt-4o",
        url="https://api.openai.com/v1/chat/completions",
        headers={"Authorization": "Bearer sk-1", "X-A": "b"},
        key="sk-1",
        parameters={
            "temperature": 0.0,
            "max_tokens": 5,
            "stop": ["x"],
            "logit_bias": {"50256": -100},
            "top_k": 1,
            "seed": 8,
        },
        timeout_s=9,
        max_retries=1,
        limits=Limits(max_in_flight=2),
    )
    resolved = llm.resolve()
    assert (resolved.name, resolved.tool_protocol, resolved.stream) == ("openai/gpt-4o", "text", True)


def test_the_default_model_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    llm = LLM()
    assert llm.resolve().name == "openai/gpt-4o-mini"
    monkeypatch.setenv("MODEL", "offline/instant")
    assert llm.resolve().name == "offline/instant"
    monkeypatch.setenv("OPENAI_MODEL_NAME", "gpt-4.1")
    assert llm.resolve().name == "openai/gpt-4.1"


def test_a_server_of_ones_own_needs_no_key_and_gets_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    given = endpoint(LLM(model="org/model:8b", base_url="http://localhost:1/v1"))
    assert (given.model, dict(given.headers), given.url) == (
        "org/model:8b",
        {},
        "http://localhost:1/v1/chat/completions",
    )
    assert endpoint(LLM("m", api_base="http://localhost:2/v1")).url == "http://localhost:2/v1/chat/completions"
    monkeypatch.setenv("OPENAI_API_BASE", "http://localhost:3/v1")
    assert endpoint(LLM("org/model")).url == "http://localhost:3/v1/chat/completions"
    assert endpoint(LLM("hosted_vllm/x")).url == "http://localhost:8000/v1/chat/completions"


def test_a_key_of_ones_own_making_replaces_ours() -> None:
    sent = endpoint(LLM("openai/m", extra_headers={"authorization": "Bearer other"}))
    assert dict(sent.headers) == {"authorization": "Bearer other"}


def test_azure_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_API_KEY", "k")
    monkeypatch.setenv("AZURE_API_BASE", "https://r.openai.azure.com")
    monkeypatch.setenv("AZURE_API_VERSION", "2024-06-01")
    sent = endpoint(LLM("azure/d"))
    assert sent.url == "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01"
    assert dict(sent.headers) == {"api-key": "k"}


def test_a_missing_key_is_an_error_when_resolving_and_not_before() -> None:
    llm = LLM("openai/gpt-4o")
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        llm.resolve()


def test_keys_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = LLM("m", api_key="sk-secret", extra_headers={"X": "sk-secret"})
    llm.api_key = "sk-secret"  # pyright: ignore[reportAttributeAccessIssue] - people assign strings
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    for shown in (repr(llm), str(llm), repr(llm.resolve()), repr(endpoint(llm))):
        assert "sk-secret" not in shown


SECRET = "a-very-long-secret-42"


@pytest.mark.parametrize(
    "fields",
    [
        {"extra_headers": {"Authorization": f"Bearer {SECRET}\0"}},
        {"extra_headers": {f"Authorization: {SECRET}": ""}},
        {"extra_headers": [("Authorization", SECRET)]},
        {"extra_headers": {"Authorization": SECRET.encode() + b"\xff"}},
        {"extra_body": f'{{"key": "{SECRET}"}}'},
        {"api_key": [SECRET]},
        {"api_key": {"key": SECRET}},
        {"additional_params": {"api_key": SECRET}},
        {"provider": SECRET},
    ],
)
def test_what_is_refused_is_named_and_not_shown(fields: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, NotBuiltError), match=next(iter(fields))) as caught:
        LLM("m", **fields)
    assert SECRET not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("url", [f"http://h:1/v1?key={SECRET}", f"http://u:{SECRET}@h:1/v1", f"http://h:1/v1#{SECRET}"])
def test_an_address_is_shown_without_what_may_be_secret(url: str) -> None:
    llm = LLM("m", base_url=url, api_base=url)
    assert repr(llm).count("'http://h:1/v1'") == 2
    assert SECRET not in repr(llm) + str(llm)


def test_an_endpoint_shows_neither_its_query_nor_its_body() -> None:
    shown = repr(endpoint(LLM("m", base_url=f"http://h:1/v1?key={SECRET}", extra_body={"key": SECRET})))
    assert "openai/m" in shown
    assert SECRET not in shown


def test_a_dump_hides_headers_and_makes_the_same_llm_again() -> None:
    llm = LLM("m", extra_headers={"X-Token": SECRET}, api_key=SECRET)
    assert SECRET not in str(llm.model_dump()) + llm.model_dump_json()
    assert LLM(**llm.model_dump()) == llm


def test_headers_lose_the_line_break_that_a_file_left_on_them() -> None:
    llm = LLM("m", extra_headers={"Authorization": "Bearer k\n"}, base_url="http://localhost:1")
    assert dict(endpoint(llm).headers) == {"Authorization": "Bearer k"}


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "Zoë", "X\n"])
def test_a_header_needs_a_name_that_can_be_sent(name: str) -> None:
    with pytest.raises(ValidationError, match="extra_headers"):
        LLM("m", extra_headers={name: "1"})


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Upgrade", "Expect"])
def test_headers_that_frame_a_request_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name}.* aiocrew"):
        LLM("m", extra_headers={name: "1"})


@pytest.mark.parametrize("name", ["model", "messages", "tools", "stream"])
def test_fields_of_the_body_that_are_not_for_extra_body_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"'{name}'"):
        LLM("m", extra_body={name: None, "top_k": 1})


def test_an_unchanged_llm_resolves_to_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    llm = LLM("gpt-4o", extra_body={"a": [1]})
    first = llm.resolve()
    assert llm.resolve() is first
    assert LLM("gpt-4o", extra_body={"a": [1]}).resolve().model is first.model
    assert llm.extra_body is not None
    llm.extra_body["a"].append(2)
    assert endpoint(llm).parameters == {"a": [1, 2]}
    llm.temperature = 0.5
    assert endpoint(llm).parameters == {"a": [1, 2], "temperature": 0.5}
    monkeypatch.setenv("OPENAI_API_KEY", "k2")
    assert endpoint(llm).key == "k2"


def test_copies_are_equal_and_resolve_anew() -> None:
    llm = LLM("offline/instant", api_key="k")
    llm.resolve()
    for other in (copy.copy(llm), copy.deepcopy(llm), llm.model_copy(), pickle.loads(pickle.dumps(llm))):
        assert other == llm == LLM("offline/instant", api_key="k")
        other.model = "offline/1s"
        assert (other.resolve().name, llm.resolve().name) == ("offline/1s", "offline/instant")


def test_response_formats() -> None:
    plain = {"type": "json_object"}
    base: dict[str, Any] = {"model": "m", "base_url": "http://localhost:1"}
    assert endpoint(LLM(**base, response_format=plain)).parameters["response_format"] == plain
    strict = endpoint(LLM(**base, response_format=Answer)).parameters["response_format"]["json_schema"]
    assert (strict["name"], strict["strict"]) == ("Answer", True)
    assert strict["schema"]["required"] == ["name", "inner"]
    assert strict["schema"]["additionalProperties"] is False
    inner = strict["schema"]["$defs"]["Inner"]
    assert (inner["required"], inner["additionalProperties"], "default" in inner["properties"]["x"]) == (
        ["x"],
        False,
        False,
    )
    assert endpoint(LLM(**base, response_format=Open)).parameters["response_format"]["json_schema"]["strict"] is False


@pytest.mark.parametrize(
    "field",
    [
        {"limits": {"max_in_flight": 0}},
        {"limits": {"requests_per_minute": 1.5}},
        {"timeout": -1},
        {"timeout": float("inf")},
        {"max_retries": -1},
        {"max_tokens": 0},
        {"tool_protocol": "xml"},
        {"extra_headers": {"A": "b\nc"}},
        {"temperature": float("nan")},
        {"presence_penalty": float("inf")},
        {"logit_bias": {1: float("nan")}},
    ],
)
def test_values_that_make_no_sense_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(field))):
        LLM("m", **field)
    llm = LLM("m")
    with pytest.raises(ValidationError):
        setattr(llm, *next(iter(field.items())))


def test_what_cannot_be_json_is_refused_by_name() -> None:
    with pytest.raises(BlueprintError, match="openai/m"):
        LLM("m", base_url="http://localhost:1", extra_body={"x": object()}).resolve()


def test_fields_of_crewai_that_are_not_there() -> None:
    LLM("m", callbacks=[], n=1, thinking=None, drop_params=True, additional_drop_params=["stop"], is_litellm=False)
    with pytest.raises(NotBuiltError, match=r"LLM\(n=2\)"):
        LLM("m", n=2)
    for field in ({"n": 2}, {"thinking": {"type": "enabled"}}, {"additional_params": {"a": 1}}):
        with pytest.raises(NotBuiltError, match=next(iter(field))):
            LLM("m", **field)


def test_one_reply_is_what_n_may_ask_for() -> None:
    llm = LLM("m", n=1)
    assert (llm.n, LLM("m").n) == (1, None)
    with pytest.raises(NotBuiltError, match=r"LLM\(n=3\)"):
        llm.n = 3


def test_a_key_equals_its_own_text_and_no_other() -> None:
    llm = LLM("m", api_key=SECRET)
    assert llm.api_key == SECRET
    assert llm.api_key == SecretStr(SECRET)
    assert llm.api_key not in (None, SECRET + "x", "", 1, SecretStr("x"))
    assert SECRET in {llm.api_key}
    assert LLM("m", api_key="Zoë").api_key == "Zoë"
    llm.api_key = SecretStr("other")
    assert llm.api_key == "other"
    assert SECRET not in repr(LLM("m", api_key=SECRET)) + str(LLM("m", api_key=SECRET).api_key)


# The environment's LLM


def test_the_environments_llm_shows_what_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [getattr(LLM.of_environment(), field) for field in ("model", "base_url", "api_key")] == [
        "gpt-4o-mini",
        None,
        None,
    ]
    monkeypatch.setenv("OPENAI_MODEL_NAME", "gpt-4-turbo")
    monkeypatch.setenv("OPENAI_API_BASE", "https://somewhere.example")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    llm = LLM.of_environment()
    assert (llm.model, llm.base_url, llm.api_key == SECRET) == ("gpt-4-turbo", "https://somewhere.example", True)
    assert SECRET not in repr(llm)
    monkeypatch.setenv("OPENAI_MODEL_NAME", "groq/llama")
    monkeypatch.setenv("GROQ_API_KEY", "gsk")
    llm = LLM.of_environment()
    assert (llm.base_url, llm.api_key == "gsk") == (None, True)


@pytest.mark.parametrize("name", ["offline/instant", "nobody/knows", "openai/"])
def test_the_environments_llm_shows_a_name_that_has_no_address_or_is_wrong(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", name)
    assert LLM.of_environment() == LLM(name)


def test_the_environments_llm_follows_the_environment_until_it_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    llms = [LLM.of_environment()]
    llms += [copy.copy(llms[0]), copy.deepcopy(llms[0]), llms[0].model_copy(), pickle.loads(pickle.dumps(llms[0]))]
    for llm in llms:
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        assert endpoint(llm).key == "k"
        monkeypatch.setenv("OPENAI_API_KEY", "k2")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
        monkeypatch.setenv("MODEL", "other")
        found = endpoint(llm)
        assert (found.key, found.url, found.model) == ("k2", "http://localhost:1/v1/chat/completions", "other")
        monkeypatch.delenv("OPENAI_BASE_URL")
        monkeypatch.delenv("MODEL")


def test_what_is_set_by_hand_holds_against_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    llm = LLM.of_environment()
    llm.model = "gpt-4.1"
    llm.temperature = 0.5
    monkeypatch.setenv("MODEL", "other")
    monkeypatch.setenv("OPENAI_API_KEY", "k2")
    found = endpoint(llm)
    assert (found.model, found.parameters, found.key) == ("gpt-4.1", {"temperature": 0.5}, "k2")
    assert endpoint(LLM.of_environment()).parameters == {}


def test_every_llm_of_one_environment_has_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    first, second = LLM.of_environment(), LLM.of_environment()
    assert first.resolve().model is second.resolve().model
    assert second.resolve() is LLM.of_environment().resolve()
    monkeypatch.setenv("OPENAI_API_KEY", "k2")
    assert [endpoint(llm).key for llm in (first, LLM.of_environment(), second)] == ["k2"] * 3


def test_a_misspelt_field_warns_where_it_stands() -> None:
    with pytest.warns(AiocrewWarning, match="temperature") as caught:
        LLM("m", temprature=1)
    assert caught[0].filename == __file__


# Calling it


async def test_acall_takes_a_prompt_or_messages() -> None:
    Spy.asked.clear()
    llm = SpyLLM(answer=Reply("hello"))
    assert await llm.acall("hi") == "hello"
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    await llm.acall(
        [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "u"}]},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ]
    )
    expected: tuple[Message, ...] = (
        System("s"),
        User("u"),
        Assistant("", (ToolCall("c", "f", "{}"),)),
        ToolResult("c", "", "r"),
    )
    assert [request.messages for request in Spy.asked] == [(User("hi"),), expected]


async def test_call_works_inside_a_running_loop_too() -> None:
    assert LLM("offline/instant").call("Reply with exactly: ok") == "ok"


def test_call_works_without_a_loop() -> None:
    assert LLM("offline/instant").call([{"role": "user", "content": "Reply with exactly: ok"}]) == "ok"


async def test_a_called_function_gives_the_answer() -> None:
    async def later(x: int) -> str:
        return f"later {x}"

    llm = SpyLLM(answer=Reply("", (ToolCall("c", "f", '{"x": 2}'),)))
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert await llm.acall("go", tools, available_functions={"f": lambda x: x + 1}) == "3"
    assert await llm.acall("go", tools, available_functions={"f": later}) == "later 2"
    assert json.loads(await llm.acall("go", tools)) == [{"id": "c", "name": "f", "arguments": '{"x": 2}'}]
    assert Spy.asked[-1].tools[0].parameters == msgspec.Raw(b'{"type":"object"}')


# Callbacks


def _spy(told: list[Any]) -> Any:
    def heard(kwargs: Any, completion_response: Any, start_time: Any, end_time: Any) -> None:
        told.append((kwargs, completion_response, start_time, end_time, threading.current_thread()))

    return heard


async def test_callbacks_are_told_of_a_call_as_litellm_tells_them() -> None:
    told: list[Any] = []
    llm = SpyLLM(
        answer=Reply("", (ToolCall("c", "f", "{}"),), Usage(10, 5, 4, 0, 2), "tool_calls"), callbacks=[_spy(told)]
    )
    await llm.acall("hi", callbacks=[_spy(told)])
    [(kwargs, response, start, end, thread), second] = told
    assert (kwargs, second[0]) == ({"model": "spy", "messages": [{"role": "user", "content": "hi"}]},) * 2
    assert response["choices"][0]["message"]["tool_calls"][0].function.name == "f"
    assert (response.choices[0].finish_reason, response["usage"].prompt_tokens_details.cached_tokens) == (
        "tool_calls",
        4,
    )
    assert (response.usage.total_tokens, response.model) == (15, "spy")
    assert 0 <= (end - start).total_seconds() < 60
    assert thread is not threading.main_thread()
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = response.nothing


async def test_the_nearest_of_two_methods_is_called() -> None:
    told: list[str] = []

    class Base:
        def log_success_event(self, *_: Any) -> None: ...

        async def async_log_success_event(self, *_: Any) -> None: ...

    class Plain(Base):
        def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            told.append("plain")

    class Both(Plain):
        def log_success_event(self, *_: Any) -> None:
            raise AssertionError("the other one is async")

        async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            told.append("async")

    async def short(response: Any) -> None:
        told.append(response.choices[0].message.content)

    await SpyLLM(answer=Reply("hello"), callbacks=[Plain(), Both(), short]).acall("hi")
    assert told == ["plain", "async", "hello"]


async def test_a_callback_that_fails_is_named() -> None:
    def failing(kwargs: Any, completion_response: Any, start_time: Any, end_time: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(CallbackError, match=r"failing raised ZeroDivisionError"):
        await SpyLLM(answer=Reply("hello"), callbacks=[failing]).acall("hi")


@pytest.mark.parametrize("callback", ["langfuse", object(), print.__class__])
def test_what_cannot_be_called_is_no_callback(callback: Any) -> None:
    with pytest.raises(ValidationError, match="log_success_event"):
        LLM("m", callbacks=[callback])


def test_callbacks_stay_the_same_objects_and_go_with_the_resolved_model() -> None:
    class Handler:
        def __init__(self) -> None:
            self.lock = threading.Lock()  # which cannot be copied

        def log_success_event(self, *_: Any) -> None: ...

    handler = Handler()
    llm = LLM("offline/instant", callbacks=[handler])
    resolved = llm.resolve()
    assert llm.callbacks == [handler]
    assert (resolved.callbacks, llm.resolve() is resolved) == ((handler,), True)
    assert llm.callbacks is not None
    llm.callbacks.append(print)
    assert llm.resolve().callbacks == (handler, print)
    assert "callbacks" not in llm.model_dump_json()
    assert LLM("offline/instant").resolve().callbacks == ()


async def test_a_refusal_is_raised() -> None:
    with pytest.raises(ModelRefusedError, match="I will not"):
        await SpyLLM(answer=Reply("", refusal="I will not")).acall("go")


@pytest.mark.parametrize(
    "messages", [[{"role": "robot", "content": "x"}], ["x"], [{"role": "user", "content": [{"type": "image_url"}]}]]
)
async def test_messages_that_are_none_are_refused(messages: Any) -> None:
    with pytest.raises(BlueprintError, match="message"):
        await LLM("offline/instant").acall(messages)


def test_a_pickle_holds_no_key_that_only_the_environment_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    llm = LLM.of_environment()
    kept = pickle.dumps(llm)
    assert b"sk-of-the-environment" not in kept
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-tomorrow")
    assert pickle.loads(kept).resolve().model.endpoint.key == "sk-of-tomorrow"
