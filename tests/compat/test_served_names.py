"""The import names crewai and crewai_tools: CrewAI's API level, aiocrew's objects, and plain words when not."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import aiocrew
import crewai
import crewai_tools
from crewai._absent import advice

MODULES = sorted(
    found.name
    for package in (crewai, crewai_tools)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if "._" not in found.name
)


def run(program: str, *, beside: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `program` in a new Python; `beside` is a folder of further installed distributions."""
    path = f"import sys; sys.path.append({str(beside)!r})\n" if beside else ""
    return subprocess.run([sys.executable, "-c", path + program], capture_output=True, text=True, check=False)


def test_the_version_is_the_level_of_the_api_and_the_engine_says_its_own() -> None:
    done = run("import crewai; print(crewai.__version__)")
    assert (done.stdout, done.stderr) == ("0.80.0\n", "")
    assert crewai.__aiocrew__ == aiocrew.__version__


@pytest.mark.parametrize("path", ["crewai", "crewai_tools", *MODULES])
def test_every_served_name_is_aiocrews_own_object(path: str) -> None:
    module = importlib.import_module(path)
    for name in module.__all__:
        home = getattr(module, name).__module__
        assert home.partition(".")[0] == "aiocrew", f"{path}.{name} is defined in {home}"
        assert name in dir(module)


@pytest.mark.parametrize("name", crewai.__all__)
def test_what_crewai_and_aiocrew_both_name_is_one_object(name: str) -> None:
    twin = "LLM" if name == "BaseLLM" else name
    assert getattr(crewai, name) is getattr(aiocrew, twin, getattr(crewai, name))


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("crewai", "Agent, Crew, Flow, LLM, Process, Task"),
        ("crewai.agent", "Agent"),
        ("crewai.agents.agent_builder.base_agent", "BaseAgent"),
        ("crewai.agents.cache", "CacheHandler"),
        ("crewai.agents.cache.cache_handler", "CacheHandler"),
        ("crewai.agents.parser", "AgentAction, AgentFinish"),
        ("crewai.crew", "Crew"),
        ("crewai.crews", "CrewOutput"),
        ("crewai.crews.crew_output", "CrewOutput"),
        ("crewai.events", "BaseEvent, BaseEventListener, CrewKickoffStartedEvent, crewai_event_bus"),
        ("crewai.events.base_event_listener", "BaseEventListener"),
        ("crewai.events.base_events", "BaseEvent"),
        ("crewai.events.event_bus", "CrewAIEventsBus, crewai_event_bus"),
        ("crewai.events.event_types", "EventTypes, TaskCompletedEvent"),
        ("crewai.events.types.agent_events", "AgentExecutionCompletedEvent, LiteAgentExecutionStartedEvent"),
        ("crewai.events.types.crew_events", "CrewKickoffCompletedEvent, CrewTestStartedEvent"),
        ("crewai.events.types.flow_events", "FlowStartedEvent, MethodExecutionFinishedEvent"),
        ("crewai.events.types.knowledge_events", "KnowledgeRetrievalStartedEvent"),
        ("crewai.events.types.llm_events", "LLMCallType, LLMStreamChunkEvent, LLMThinkingChunkEvent"),
        ("crewai.events.types.llm_guardrail_events", "LLMGuardrailStartedEvent"),
        ("crewai.events.types.logging_events", "AgentLogsExecutionEvent"),
        ("crewai.events.types.memory_events", "MemoryQueryCompletedEvent"),
        ("crewai.events.types.reasoning_events", "AgentReasoningStartedEvent"),
        ("crewai.events.types.task_events", "TaskEvaluationEvent, TaskFailedEvent, TaskStartedEvent"),
        ("crewai.events.types.tool_usage_events", "ToolUsageErrorEvent, ToolUsageFinishedEvent"),
        ("crewai.flow", "Flow, FlowState, and_, listen, or_, router, start"),
        ("crewai.flow.flow", "Flow, FlowState, and_, listen, or_, router, start"),
        ("crewai.lite_agent", "LiteAgentOutput"),
        ("crewai.llm", "LLM"),
        ("crewai.llms.base_llm", "BaseLLM"),
        ("crewai.process", "Process"),
        ("crewai.project", "CrewBase, after_kickoff, agent, before_kickoff, crew, llm, task, tool"),
        ("crewai.project.annotations", "agent, cache_handler, callback, crew, output_json, output_pydantic, task"),
        ("crewai.project.crew_base", "CrewBase"),
        ("crewai.task", "Task"),
        ("crewai.tasks", "OutputFormat, TaskOutput"),
        ("crewai.tasks.conditional_task", "ConditionalTask"),
        ("crewai.tasks.output_format", "OutputFormat"),
        ("crewai.tasks.task_output", "TaskOutput"),
        ("crewai.tools", "BaseTool, tool"),
        ("crewai.tools.agent_tools.agent_tools", "AgentTools"),
        ("crewai.tools.base_tool", "BaseTool, Tool, tool"),
        ("crewai.tools.tool_usage_events", "ToolUsageError, ToolUsageFinished"),
        ("crewai.types.streaming", "CrewStreamingOutput, FlowStreamingOutput, StreamChunk, StreamChunkType"),
        ("crewai.types.usage_metrics", "UsageMetrics"),
        ("crewai.utilities.converter", "Converter, ConverterError"),
        ("crewai.utilities.events", "Emitter, emit, on"),
        (
            "crewai.utilities.events",
            "CrewKickoffStartedEvent, TaskEvaluationEvent, ToolUsageErrorEvent, crewai_event_bus",
        ),
        ("crewai.utilities.events.agent_events", "AgentExecutionStartedEvent, AgentLogsExecutionEvent"),
        ("crewai.utilities.events.base_event_listener", "BaseEventListener"),
        ("crewai.utilities.events.base_events", "BaseEvent"),
        ("crewai.utilities.events.crew_events", "CrewKickoffCompletedEvent"),
        ("crewai.utilities.events.crewai_event_bus", "CrewAIEventsBus, crewai_event_bus"),
        ("crewai.utilities.events.event_types", "EventTypes, LLMCallStartedEvent"),
        ("crewai.utilities.events.llm_events", "LLMCallStartedEvent, LLMCallType"),
        ("crewai.utilities.events.task_events", "TaskEvaluationEvent"),
        ("crewai.utilities.events.tool_usage_events", "ToolUsageStartedEvent"),
        ("crewai.utilities.exceptions.context_window_exceeding_exception", "LLMContextLengthExceededException"),
        ("crewai_tools", "FileReadTool, ScrapeWebsiteTool, SerperDevTool, WebsiteSearchTool"),
    ],
)
def test_crewais_modules_hold_crewais_names(module: str, names: str) -> None:
    exec(f"from {module} import {names}", {})


def test_what_is_not_asked_for_does_not_load() -> None:
    late = ("aiocrew.flow", "aiocrew.project", "aiocrew.tools.library", "aiohttp", "sqlite3", "yaml")
    done = run(f"import sys, crewai, crewai_tools; print([name for name in {late} if name in sys.modules])")
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("from crewai import Pipeline", r"crewai\.Pipeline is not there: .* for good\. Instead: write a Flow"),
        ("import crewai.pipeline.pipeline", r"crewai\.pipeline is not there: .* Instead: write a Flow"),
        ("from crewai.routers.router import Router", r"crewai\.routers is not there: .* @router"),
        (
            "from crewai.memory import ShortTermMemory",
            r"crewai\.memory is not there: .* yet\. Instead: .*kickoff\(inputs",
        ),
        ("from crewai.knowledge.source.pdf import X", r"crewai\.knowledge is not there: .* TXTSearchTool"),
        ("from crewai.flow import persist", r"crewai\.flow\.persist is not there: .* journal"),
        ("from crewai.events import Depends", r"crewai\.events\.Depends is not there: .* order in which they are reg"),
        ("from crewai.events.event_listener import event_listener", r"event_listener is not there: .* verbose=True"),
        ("from crewai.events import A2AMessageSentEvent", r"A2AMessageSentEvent is not there: .* lists the events"),
        ("from crewai.utilities import RPMController", r"RPMController is not there: .* max_rpm"),
        ("from crewai.tools import BaseToool", r"crewai\.tools\.BaseToool is not there: .* Did you mean BaseTool\?"),
        ("import crewai.projects", r"crewai\.projects is not there: .* Did you mean project\?"),
        ("from crewai_tools import FileReadTools", r"FileReadTools is not there: .* Did you mean FileReadTool\?"),
        (
            "from crewai_tools.tools.serper_dev_tool.serper_dev_tool import SerperDevTool",
            r"crewai_tools\.tools is not there: .* Instead: import the tool from crewai_tools itself",
        ),
        ("from crewai.llm import Unheard", r"crewai\.llm\.Unheard is not there: .* Instead: see docs/compat\.md"),
        ("import crewai.agent.unheard", r"crewai\.agent\.unheard is not there"),
        ("from crewai_tools import RagTool", r"crewai_tools\.RagTool is not there: 'crewai_tools' .* TXTSearchTool"),
        ("from crewai_tools import DallETool", r"crewai_tools\.DallETool is not there: .* @tool"),
        ("from crewai_tools.tools.dalle import X", r"crewai_tools\.tools is not there: .* @tool"),
    ],
)
def test_an_import_of_what_is_not_served_says_what_to_use_instead(statement: str, words: str) -> None:
    with pytest.raises(ImportError, match=words):
        exec(statement, {})


def test_what_is_not_served_says_so_as_an_attribute_and_can_be_asked_for() -> None:
    with pytest.raises(AttributeError, match=r"crewai_tools\.DallETool is not there"):
        _ = crewai_tools.DallETool  # type: ignore[attr-defined]
    assert not hasattr(crewai, "Pipeline")


@pytest.mark.parametrize("name", ["crewai.memory", "crewai.memory.short_term.x.Y", "crewai.agents.parser.Z"])
def test_the_advice_for_a_module_holds_for_what_lies_in_it(name: str) -> None:
    assert advice(name) == advice(".".join(name.split(".")[:2]))


@pytest.mark.parametrize(("module", "distribution"), [("crewai", "crewai"), ("crewai_tools", "crewai-tools")])
def test_the_real_distribution_beside_it_is_an_import_error(tmp_path: Path, module: str, distribution: str) -> None:
    metadata = tmp_path / f"{module}-9.9.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 9.9\n")
    done = run(f"import {module}", beside=tmp_path)
    assert done.returncode == 1
    assert f"ImportError: {distribution} 9.9 and aiocrew-as-crewai are both installed" in done.stderr
    assert f"pip uninstall {distribution}" in done.stderr
