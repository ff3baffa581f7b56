"""No request to a real model leaves where that is forbidden."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from aiocrew import LLM, Agent, Crew, Flow, Task
from aiocrew.flow import start
from aiocrew.models.foreign_chat import ChatObject
from aiocrew.models.real_requests import GATE
from aiocrew.testing import ModelRequestForbiddenError, ScriptedModel, forbid_model_requests
from aiocrew.types.messages import Request, User
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.server.loopback import LoopbackProvider

TOPIC = {"topic": "tea"}


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> LLM:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    return LLM("openai/gpt-4o-mini")


def crew(llm: LLM) -> Crew:
    agent = agent_with(llm)
    return Crew(agents=[agent], tasks=[task_for(agent)])


def test_a_crew_is_refused_with_model_url_and_reason(llm: LLM) -> None:
    with forbid_model_requests("these are unit tests"), pytest.raises(ModelRequestForbiddenError) as caught:
        crew(llm).kickoff(TOPIC)
    assert caught.value.model == "openai/gpt-4o-mini"
    assert caught.value.url == "https://api.openai.com/v1/chat/completions"
    assert "no real model may be asked here: these are unit tests" in str(caught.value)
    assert "sk-test" not in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
async def test_every_way_to_a_model_is_refused(llm: LLM, stream: bool) -> None:
    class Asking(Flow[dict[str, Any]]):
        @start()
        def ask(self) -> Any:
            return llm.call("hello")

    llm.stream = stream
    with forbid_model_requests():
        for ask in (
            lambda: llm.acall("hello"),
            lambda: crew(llm).kickoff_async(TOPIC),
            lambda: Agent(role="R", goal="g", backstory="b", llm=llm).kickoff_async("hello"),
            lambda: Asking().kickoff_async(),
        ):
            with pytest.raises(ModelRequestForbiddenError):
                await ask()


def test_it_holds_in_every_thread(llm: LLM) -> None:
    caught = list[BaseException]()

    def work() -> None:
        try:
            llm.call("hello")
        except ModelRequestForbiddenError as error:
            caught.append(error)

    with forbid_model_requests():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_scripted_and_offline_models_are_asked_all_the_same() -> None:
    with forbid_model_requests():
        assert one_task_crew(ScriptedModel("done")).kickoff(TOPIC).raw == "done"
        agent = agent_with(LLM("offline/instant"))
        assert Crew(agents=[agent], tasks=[task_for(agent)]).kickoff(TOPIC).raw


def test_requests_pass_when_the_last_of_several_is_lifted() -> None:
    with LoopbackProvider() as provider:
        llm = LLM("openai/gpt-4o-mini", api_key="sk-test", base_url=provider.base_url)
        outer = forbid_model_requests()
        with forbid_model_requests("inner"), pytest.raises(ModelRequestForbiddenError, match="inner"):
            llm.call("Your task: x")
        with pytest.raises(ModelRequestForbiddenError, match="is in force"):
            llm.call("Your task: x")
        outer.lift()
        outer.lift()
        assert llm.call("Your task: x") == "re: x"
    assert not GATE.closed


class FromIntegration:
    """Such as LangChain's ChatAnthropic: its package wraps a provider."""

    model_name = "claude"

    def invoke(self, messages: Any) -> str:
        return "sent"


class Fake(FromIntegration):
    """Such as LangChain's fakes."""


class Bound:
    def __init__(self, bound: Any) -> None:
        self.bound = bound

    def invoke(self, messages: Any) -> str:
        return self.bound.invoke(messages)


FromIntegration.__module__ = "langchain_anthropic.chat_models"
Fake.__module__ = "langchain_core.language_models.fake_chat_models"


class Own:
    def invoke(self, messages: Any) -> str:
        return "said"


@pytest.mark.parametrize("model", [FromIntegration(), Bound(FromIntegration())])
async def test_a_model_of_an_integration_is_refused(model: Any) -> None:
    with forbid_model_requests(), pytest.raises(ModelRequestForbiddenError):
        await ChatObject(model).reply(Request((User("hello"),)))


async def test_a_foreign_model_of_ones_own_passes() -> None:
    with forbid_model_requests():
        assert (await ChatObject(Own()).reply(Request((User("hello"),)))).text == "said"


async def test_a_refusal_is_an_outcome_of_its_input(llm: LLM) -> None:
    task = Task(description="Work on {topic}", expected_output="x", agent=agent_with(llm))
    with forbid_model_requests():
        [outcome] = await Crew(agents=[task.agent], tasks=[task]).kickoff_for_each_async([TOPIC])
    assert isinstance(outcome.error, ModelRequestForbiddenError)
