"""Each event of a run in CrewAI's words; and the classes that programs import."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest

import crewai.events
from aiocrew.seeing.bus import run_reader, told, untold
from aiocrew.seeing.bus.base_event import BaseEvent, type_of
from aiocrew.seeing.bus.run_reader import RunReader
from aiocrew.seeing.bus.wording import WORDINGS
from aiocrew.types import events
from aiocrew.types.messages import Request, System, ToolCall, ToolSpec, User
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage

CREWAIS_NAMES = """
AgentEvaluationCompletedEvent AgentEvaluationFailedEvent AgentEvaluationStartedEvent AgentExecutionCompletedEvent
AgentExecutionErrorEvent AgentExecutionStartedEvent AgentLogsExecutionEvent AgentLogsStartedEvent
AgentReasoningCompletedEvent AgentReasoningFailedEvent AgentReasoningStartedEvent CheckpointBaseEvent
CheckpointCompletedEvent CheckpointFailedEvent CheckpointForkBaseEvent CheckpointForkCompletedEvent
CheckpointForkStartedEvent CheckpointPrunedEvent CheckpointRestoreBaseEvent CheckpointRestoreCompletedEvent
CheckpointRestoreFailedEvent CheckpointRestoreStartedEvent CheckpointStartedEvent
ContextWindowSummarizationCompletedEvent ContextWindowSummarizationFailedEvent ContextWindowSummarizationStartedEvent
ConversationMessageAddedEvent ConversationRouteSelectedEvent ConversationTurnCompletedEvent ConversationTurnFailedEvent
ConversationTurnStartedEvent CrewKickoffCompletedEvent CrewKickoffFailedEvent CrewKickoffStartedEvent
CrewTestCompletedEvent CrewTestFailedEvent CrewTestResultEvent CrewTestStartedEvent CrewTrainCompletedEvent
CrewTrainFailedEvent CrewTrainStartedEvent FlowCreatedEvent FlowEvent FlowFailedEvent FlowFinishedEvent FlowPlotEvent
FlowStartedEvent HumanFeedbackReceivedEvent HumanFeedbackRequestedEvent KnowledgeQueryCompletedEvent
KnowledgeQueryFailedEvent KnowledgeQueryStartedEvent KnowledgeRetrievalCompletedEvent KnowledgeRetrievalStartedEvent
KnowledgeSearchQueryFailedEvent LLMCallCompletedEvent LLMCallFailedEvent LLMCallStartedEvent LLMGuardrailCompletedEvent
LLMGuardrailStartedEvent LLMStreamChunkEvent LiteAgentExecutionCompletedEvent LiteAgentExecutionErrorEvent
LiteAgentExecutionStartedEvent MCPConfigFetchFailedEvent MCPConnectionCompletedEvent MCPConnectionFailedEvent
MCPConnectionStartedEvent MCPToolExecutionCompletedEvent MCPToolExecutionFailedEvent MCPToolExecutionStartedEvent
MemoryQueryCompletedEvent MemoryQueryFailedEvent MemoryQueryStartedEvent MemoryRetrievalCompletedEvent
MemoryRetrievalFailedEvent MemoryRetrievalStartedEvent MemorySaveCompletedEvent MemorySaveFailedEvent
MemorySaveStartedEvent MethodExecutionFailedEvent MethodExecutionFinishedEvent MethodExecutionStartedEvent
PlanStepCompletedEvent PlanStepEvent PlanStepStartedEvent ReasoningEvent SkillActivatedEvent
SkillDiscoveryCompletedEvent SkillDiscoveryStartedEvent SkillEvent SkillLoadFailedEvent SkillLoadedEvent SkillUsedEvent
TaskCompletedEvent TaskEvaluationEvent TaskFailedEvent TaskStartedEvent ToolExecutionErrorEvent
ToolFailureDetectedEvent ToolSelectionErrorEvent ToolUsageErrorEvent ToolUsageEvent ToolUsageFinishedEvent
ToolUsageStartedEvent ToolValidateInputErrorEvent
"""
"""The 106 classes that CrewAI's events package names."""


def test_every_class_of_crewais_is_there_as_a_subclass_of_its_base() -> None:
    assert len(CREWAIS_NAMES.split()) == 106
    assert set(CREWAIS_NAMES.split()) <= set(crewai.events.__all__)
    assert all(issubclass(getattr(crewai.events, name), BaseEvent) for name in CREWAIS_NAMES.split())


def test_a_class_is_told_or_untold() -> None:
    bases = {told.FlowEvent, told.ToolUsageEvent}
    kinds = {cls for name in told.__all__ if issubclass(cls := getattr(told, name), BaseEvent)}
    assert kinds - bases == {wording.cls for wording in WORDINGS.values()}
    assert all(issubclass(getattr(untold, name), BaseEvent) for name in untold.__all__)


@pytest.mark.parametrize("name", told.__all__)
def test_the_type_of_a_told_event_is_its_class_name_in_small_letters(name: str) -> None:
    cls = getattr(told, name)
    if issubclass(cls, BaseEvent):
        assert cls.model_fields["type"].default in {"", type_of(cls)}


@pytest.mark.parametrize(
    ("cls", "type_"),
    [
        (told.CrewKickoffStartedEvent, "crew_kickoff_started"),
        (told.LLMCallStartedEvent, "llm_call_started"),
        (told.LiteAgentExecutionErrorEvent, "lite_agent_execution_error"),
        (untold.MCPToolExecutionFailedEvent, "mcp_tool_execution_failed"),
    ],
)
def test_the_type_of_an_event_is_crewais(cls: type[BaseEvent], type_: str) -> None:
    assert cls().type == type_


def test_an_event_that_nobody_tells_keeps_what_a_program_gives_it() -> None:
    event = untold.MCPConnectionStartedEvent(server_name="tools")  # type: ignore[call-arg]
    assert (event.type, event.server_name) == ("mcp_connection_started", "tools")  # type: ignore[attr-defined]


RUN = "run"
TASK = "run/task-0"
CALL = "run/task-0/turn-0/model"
TOOL = "run/task-0/turn-0/tool-0"
REQUEST = Request(
    (System("You are careful."), User("Work.")),
    (ToolSpec("add", "Adds.", msgspec.Raw(b'{"type": "object"}')),),
)


def at(path: str, number: float = 1.0) -> tuple[str, Path, float, float]:
    return "r1", Path(path), number, number


def told_of(*happened: events.Event) -> list[BaseEvent]:
    """Return what a listener to everything is told of these events, in CrewAI's words."""
    heard: list[BaseEvent] = []
    reader = RunReader(lambda _: True, lambda source, event, top: heard.append(event))
    for event in happened:
        reader.emit(event)
    return heard


def fields(event: BaseEvent, *names: str) -> dict[str, Any]:
    return {name: getattr(event, name) for name in names}


def test_a_tool_call_is_told_with_its_arguments_and_its_times() -> None:
    [_, began, ended] = told_of(
        events.TaskStarted(*at(TASK), "Sum", "Clerk"),
        events.ToolUsageStarted(*at(TOOL, 2.0), "add", "Clerk", '{"a": 1}'),
        events.ToolUsageFinished(*at(TOOL, 5.0), "add", "Clerk", "3", reused=True),
    )
    assert fields(began, "tool_name", "tool_args", "agent_role", "task_name") == {
        "tool_name": "add",
        "tool_args": {"a": 1},
        "agent_role": "Clerk",
        "task_name": "Sum",
    }
    assert isinstance(ended, told.ToolUsageFinishedEvent)
    assert (ended.output, ended.from_cache, ended.tool_args) == ("3", True, {"a": 1})
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert (ended.finished_at - ended.started_at).total_seconds() == 3.0
    assert ended.started_event_id == began.event_id


def test_a_call_of_a_model_is_told_with_the_conversation_and_what_the_reply_asks_for() -> None:
    asked = (ToolCall("c0", "add", '{"a": 1}'),)
    [_, began, chunk, ended] = told_of(
        events.TaskStarted(*at(TASK), "Sum", "Clerk"),
        events.LLMCallStarted(*at(CALL), "m", "Clerk", REQUEST),
        events.LLMStreamChunk(*at(CALL), "th"),
        events.LLMCallCompleted(*at(CALL), "m", "Clerk", "", asked, Usage(10, 5), "tool_calls"),
    )
    assert isinstance(began, told.LLMCallStartedEvent)
    assert isinstance(chunk, told.LLMStreamChunkEvent)
    assert isinstance(ended, told.LLMCallCompletedEvent)
    assert began.messages == [
        {"role": "system", "content": "You are careful."},
        {"role": "user", "content": "Work."},
    ]
    assert began.tools is not None
    assert began.tools[0]["function"]["name"] == "add"
    assert (chunk.chunk, chunk.model, chunk.agent_role) == ("th", "m", "Clerk")
    assert began.call_id == chunk.call_id == ended.call_id
    assert (ended.call_type, ended.response[0]["function"]["name"]) == (told.LLMCallType.TOOL_CALL, "add")
    assert ended.usage is not None
    assert (ended.usage["prompt_tokens"], ended.usage["total_tokens"]) == (10, 15)


@pytest.mark.parametrize(
    ("first", "second", "answered", "told_as"),
    [
        ("a-1", "a-2", "a-2", ["a-1", "a-2", "a-2"]),
        ("", "", "", [f"r1:{CALL}#1", f"r1:{CALL}#2", f"r1:{CALL}#2"]),
    ],
)
def test_pieces_and_reply_have_one_id_that_no_void_piece_has(
    first: str, second: str, answered: str, told_as: list[str]
) -> None:
    [_, *heard] = told_of(
        events.LLMCallStarted(*at(CALL), "m", "Clerk", REQUEST),
        events.LLMStreamChunk(*at(CALL), "th", 1, first),
        events.LLMStreamChunk(*at(CALL), "the", 2, second),
        events.LLMCallCompleted(*at(CALL), "m", "Clerk", "the", (), Usage(), "stop", response_id=answered),
    )
    assert [event.response_id for event in heard] == told_as  # type: ignore[attr-defined]


def test_a_reply_in_one_piece_has_the_providers_id_or_none() -> None:
    ids = [
        told_of(
            events.LLMCallStarted(*at(CALL), "m", "Clerk", REQUEST),
            events.LLMCallCompleted(*at(CALL), "m", "Clerk", "yes", (), Usage(), "stop", response_id=id_),
        )[-1].response_id  # type: ignore[attr-defined]
        for id_ in ("a-1", "")
    ]
    assert ids == ["a-1", None]


def test_a_task_is_told_what_it_is_given_and_a_skipped_one_completes_with_nothing() -> None:
    heard = told_of(
        events.TaskStarted(*at("run/task-0"), "Find", "Clerk"),
        events.TaskCompleted(*at("run/task-0"), "Find", "Clerk", "found"),
        events.TaskStarted(*at("run/task-1"), "Check", "Clerk"),
        events.TaskSkipped(*at("run/task-1"), "Check", "Clerk"),
        events.TaskStarted(*at("run/task-2"), "Write", "Clerk", (), (Path("run/task-0"),)),
        events.CrewKickoffCompleted(*at(RUN), "crew", "found"),
    )
    [_, found, _, skipped, write, ended] = heard
    assert isinstance(found, told.TaskCompletedEvent)
    assert isinstance(skipped, told.TaskCompletedEvent)
    assert isinstance(write, told.TaskStartedEvent)
    assert isinstance(ended, told.CrewKickoffCompletedEvent)
    assert [found.output and found.output.raw, skipped.output and skipped.output.raw] == ["found", ""]
    assert (write.context, write.task.agent.role) == ("found", "Clerk")
    assert [output.raw for output in ended.output.tasks_output] == ["found", ""]


def test_a_guardrail_is_told_how_often_it_was_asked_of_the_task_before() -> None:
    guard = [
        event
        for turn in range(2)
        for event in (
            events.LLMGuardrailStarted(*at(f"{TASK}/turn-{turn}/guardrail-0"), "short", "Clerk"),
            events.LLMGuardrailCompleted(*at(f"{TASK}/turn-{turn}/guardrail-0"), "short", "Clerk", turn == 1, "long"),
        )
    ]
    heard = told_of(events.TaskStarted(*at(TASK), "Find", "Clerk"), *guard)[1:]
    assert [event.retry_count for event in heard] == [0, 0, 1, 1]  # type: ignore[attr-defined]
    assert [event.success for event in heard[1::2]] == [False, True]  # type: ignore[attr-defined]


def test_what_crewai_has_no_class_for_is_not_told() -> None:
    happened = (
        events.LLMCallQueued(*at(CALL), "a limit", 1),
        events.ReplyRepaired(*at(TASK), "Clerk", "no JSON"),
        events.LoopBlocked("", Path(RUN), 1.0, 1.0, 2.0, "main.py", 3, "main"),
    )
    assert told_of(*happened) == []


def test_a_run_that_has_ended_is_forgotten() -> None:
    reader = RunReader(lambda _: True, lambda source, event, top: None)
    reader.emit(events.CrewKickoffStarted(*at(RUN), "crew", None))
    assert reader.runs == 1
    reader.emit(events.CrewKickoffFailed(*at(RUN), "crew", "cancelled", True))
    assert reader.runs == 0


def test_runs_whose_ends_are_never_told_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reader, "_MOST_RUNS", 3)
    reader = RunReader(lambda _: True, lambda source, event, top: None)
    for number in range(9):
        reader.emit(events.CrewKickoffStarted(f"cut-off-{number}", RUN, 0, 0, "crew", None))
    assert reader.runs == 3


def test_a_run_whose_beginning_was_not_read_is_told_from_then_on() -> None:
    [task, ended] = told_of(
        events.TaskCompleted(*at(TASK), "Find", "Clerk", "found"),
        events.ToolUsageFinished(*at(TOOL), "add", "Clerk", "3"),
    )
    assert (task.task_name, task.started_event_id) == ("Find", None)
    assert isinstance(ended, told.ToolUsageFinishedEvent)
    assert ended.tool_args == ""


def test_what_stands_for_an_object_says_what_it_has_and_crosses_processes() -> None:
    [event] = told_of(events.TaskStarted(*at(TASK), "Find", "Clerk"))
    with pytest.raises(AttributeError, match=r"TaskRecord has no 'expected_output': events hold names \(id, name"):
        _ = event.task.expected_output  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(event.task)) == event.task  # type: ignore[attr-defined]


def test_an_event_is_json_without_what_is_left_out() -> None:
    [event] = told_of(events.CrewKickoffStarted(*at(RUN), "crew", {"topic": object}))
    shown = event.to_json(exclude={"crew"})
    assert shown["inputs"] == {"topic": "<class 'object'>"}
    assert (shown["run_id"], shown["source_type"], shown["timestamp"]) == ("r1", "crew", "1970-01-01T00:00:01Z")
    assert "crew" not in shown
