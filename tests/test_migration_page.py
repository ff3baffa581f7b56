"""The migration page names every member of CrewAI's API once, and says of each what holds."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from aiocrew import LLM, Agent, BaseTool, Crew, CrewOutput, LiteAgentOutput, Process, Task, TaskOutput, UsageMetrics
from aiocrew.errors import NotBuiltError
from aiocrew.flow import Flow
from aiocrew.tools import Tool
from aiocrew.tools import library as tool_library
from aiocrew.types.blueprint import Blueprint

PAGE = (Path(__file__).parents[1] / "docs" / "migration.md").read_text(encoding="utf-8")
VERDICTS = {"same", "better", "different", "absent"}
BLUEPRINTS: dict[str, type[Blueprint]] = {"Agent": Agent, "Task": Task, "Crew": Crew, "LLM": LLM, "BaseTool": BaseTool}
RECORDS: dict[str, type[BaseModel]] = {
    "CrewOutput": CrewOutput,
    "TaskOutput": TaskOutput,
    "UsageMetrics": UsageMetrics,
    "LiteAgentOutput": LiteAgentOutput,
}
CLASSES: dict[str, type[Any]] = {**BLUEPRINTS, **RECORDS, "Flow": Flow}
AGENT = Agent(role="Writer", goal="Write", backstory="Short.", llm="offline/instant")
TASK = Task(description="Write", expected_output="A line", agent=AGENT)
EXAMPLES: dict[str, Any] = {
    "Agent": AGENT,
    "Task": TASK,
    "Crew": Crew(agents=[AGENT], tasks=[TASK]),
    "LLM": AGENT.llm,
    "BaseTool": tool_library.FileReadTool(),
    "Flow": Flow(),
}

_OF_CREWAI = {
    "Agent": """
        id formatting_errors role goal backstory config cache verbose max_rpm allow_delegation tools max_iter
        agent_executor llm crew i18n cache_handler tools_handler max_tokens max_execution_time agent_ops_agent_name
        agent_ops_agent_id step_callback use_system_prompt function_calling_llm system_template prompt_template
        response_template tools_results allow_code_execution respect_context_window max_retry_limit code_execution_mode
        entity_type tool_failure_policy knowledge knowledge_sources knowledge_storage security_config checkpoint
        callbacks adapted_agent knowledge_config apps mcps memory skills execution_context checkpoint_kickoff_event_id
        use_better_compaction multimodal inject_date date_format planning_config planning reasoning
        max_reasoning_attempts embedder agent_knowledge_context crew_knowledge_context knowledge_search_query
        from_repository guardrail guardrail_max_retries a2a executor_class""",
    "Task": """
        used_tools tools_errors delegations i18n name prompt_context description expected_output config callback agent
        context async_execution output_json output_pydantic output_file output tools id human_input converter_cls
        processed_by_agents response_model create_directory input_files security_config markdown guardrail guardrails
        max_retries guardrail_max_retries retry_count tool_failure_policy start_time end_time
        allow_crewai_trigger_context checkpoint_original_description checkpoint_original_expected_output""",
    "Crew": """
        name cache tasks agents process verbose memory short_term_memory long_term_memory entity_memory embedder
        usage_metrics manager_llm manager_agent function_calling_llm config id share_crew step_callback task_callback
        max_rpm prompt_file output_log_file planning planning_llm task_execution_output_json_files execution_logs
        entity_type tool_failure_policy before_kickoff_callbacks after_kickoff_callbacks stream trained_agents_file
        knowledge_sources chat_llm knowledge skills security_config checkpoint token_usage tracing execution_context
        checkpoint_inputs checkpoint_train checkpoint_kickoff_event_id""",
    "LLM": """
        model timeout temperature top_p n stop max_completion_tokens max_tokens presence_penalty frequency_penalty
        logit_bias response_format seed logprobs top_logprobs base_url api_version api_key callbacks llm_type stream
        provider prefer_upload is_litellm additional_params completion_cost api_base reasoning_effort interceptor
        thinking context_window_size is_anthropic""",
    "BaseTool": """
        name description args_schema description_updated cache_function result_as_answer env_vars result_schema
        max_usage_count tool_failure_policy current_usage_count""",
    "crewai_tools": """
        BaseTool BrowserbaseLoadTool CSVSearchTool CodeDocsSearchTool CodeInterpreterTool ComposioTool DOCXSearchTool
        DallETool DirectoryReadTool DirectorySearchTool EXASearchTool FileReadTool FileWriterTool
        FirecrawlCrawlWebsiteTool FirecrawlScrapeWebsiteTool FirecrawlSearchTool GithubSearchTool JSONSearchTool
        LlamaIndexTool MDXSearchTool MultiOnTool MySQLSearchTool NL2SQLTool PDFSearchTool PGSearchTool RagTool
        ScrapeElementFromWebsiteTool ScrapeWebsiteTool ScrapflyScrapeWebsiteTool SeleniumScrapingTool SerperDevTool
        SerplyJobSearchTool SerplyNewsSearchTool SerplyScholarSearchTool SerplyWebSearchTool SerplyWebpageToMarkdownTool
        SpiderTool TXTSearchTool Tool VisionTool WebsiteSearchTool XMLSearchTool YoutubeChannelSearchTool
        YoutubeVideoSearchTool""",
    "Flow": """
        entity_type initial_state name tracing stream memory input_provider suppress_flow_events
        defer_trace_finalization human_feedback_history last_human_feedback persistence max_method_calls
        execution_context checkpoint checkpoint_completed_methods checkpoint_method_outputs checkpoint_method_counts
        checkpoint_state""",
    "Project": """
        CrewBase agent task crew tool llm callback cache_handler output_json output_pydantic pipeline PipelineBase
        before_kickoff after_kickoff load_agent load_crew load_crew_and_kickoff mcp_server_params""",
    "CrewOutput": "raw pydantic json_dict tasks_output token_usage",
    "TaskOutput": """
        description name expected_output summary raw pydantic json_dict agent output_format messages tool_failures""",
    "UsageMetrics": """
        total_tokens prompt_tokens cached_prompt_tokens completion_tokens successful_requests reasoning_tokens
        cache_creation_tokens""",
    "LiteAgentOutput": """
        raw pydantic agent_role usage_metrics messages tool_failures plan todos replan_count last_replan_reason""",
}
_METHODS_OF_CREWAI = {
    "Agent": """
        execute_task create_agent_executor get_delegation_tools get_code_execution_tools get_output_converter
        interpolate_inputs copy set_cache_handler set_rpm_controller increment_formatting_errors kickoff kickoff_async
        akickoff aexecute_task message from_checkpoint fork get_mcp_tools get_platform_tools""",
    "Task": """
        execute_sync execute_async prompt interpolate_inputs copy aexecute_sync
        interpolate_inputs_and_add_conversation_history""",
    "Crew": """
        kickoff kickoff_for_each kickoff_async kickoff_for_each_async train test replay copy calculate_usage_metrics
        akickoff akickoff_for_each from_checkpoint fork query_knowledge aquery_knowledge fetch_inputs reset_memories
        reset_knowledge""",
    "LLM": """
        call acall supports_function_calling supports_stop_words get_context_window_size set_callbacks stream_events
        get_token_usage_summary supports_multimodal summarize_messages get_input_tokens_count""",
    "BaseTool": "run arun to_langchain from_langchain to_structured_tool",
    "Flow": """
        kickoff kickoff_async akickoff plot astream stream_events resume resume_async from_pending from_checkpoint fork
        from_declaration ask remember recall handle_turn chat""",
}
MEMBERS_OF_CREWAI = {
    heading: [*fields.split(), *(f"{name}()" for name in _METHODS_OF_CREWAI.get(heading, "").split())]
    for heading, fields in _OF_CREWAI.items()
}
"""The fields and methods of CrewAI 0.80 and 1.15 (of crewai_tools what 0.14 exports)."""


class Row(NamedTuple):
    heading: str
    member: str
    verdict: str

    @property
    def is_method(self) -> bool:
        return self.member.endswith("()")

    @property
    def name(self) -> str:
        return self.member.removesuffix("()")


def rows_of_page() -> list[Row]:
    rows: list[Row] = []
    heading = ""
    for line in PAGE.splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| `") else []
        if len(cells) == 3 and cells[1] in VERDICTS:
            rows += [Row(heading, member, cells[1]) for member in re.findall(r"`([^`]+)`", cells[0])]
    return rows


ROWS = rows_of_page()
OF_CLASSES = [row for row in ROWS if row.heading in CLASSES]


def rows_under(heading: str) -> dict[str, Row]:
    return {row.member: row for row in ROWS if row.heading == heading}


def told_of(row: Row) -> str:
    return f"{row.heading}.{row.member}: {row.verdict}"


def told(rows: list[Row]) -> list[str]:
    return [told_of(row) for row in rows]


def test_every_row_of_a_table_of_members_has_a_verdict() -> None:
    members = PAGE.partition("## Member by member")[2].partition("\n## ")[0]
    lines = [line for line in members.splitlines() if line.startswith("|") and not re.match(r"\| member|\|-", line)]
    verdicts = [line.strip("|").split("|")[1].strip() for line in lines]
    assert set(verdicts) == VERDICTS
    assert len(ROWS) > len(lines)


def test_no_member_stands_twice_in_its_table() -> None:
    places = [(row.heading, row.name) for row in ROWS]
    assert sorted(place for place in set(places) if places.count(place) > 1) == []


@pytest.mark.parametrize("heading", MEMBERS_OF_CREWAI)
def test_every_member_of_crewai_is_on_the_page(heading: str) -> None:
    assert sorted(set(MEMBERS_OF_CREWAI[heading]) - rows_under(heading).keys()) == []


@pytest.mark.parametrize("heading", BLUEPRINTS)
def test_what_is_not_built_is_called_absent(heading: str) -> None:
    rows = rows_under(heading)
    assert {name: rows[name].verdict for name in BLUEPRINTS[heading].not_built if name in rows} == dict.fromkeys(
        BLUEPRINTS[heading].not_built, "absent"
    )


@pytest.mark.parametrize("heading", [*BLUEPRINTS, *RECORDS])
def test_every_field_is_on_the_page_and_not_called_absent(heading: str) -> None:
    rows = rows_under(heading)
    fields = [name for name in CLASSES[heading].model_fields if name not in rows or rows[name].verdict == "absent"]
    assert fields == []


def fields_of(heading: str) -> set[str]:
    return set(getattr(CLASSES[heading], "model_fields", {}))


def test_what_is_not_called_absent_is_there() -> None:
    named = [row for row in OF_CLASSES if row.verdict != "absent"]
    missing = [
        row for row in named if not hasattr(CLASSES[row.heading], row.name) and row.name not in fields_of(row.heading)
    ]
    assert told(missing) == []


def test_what_is_called_absent_is_not_there() -> None:
    absent = [row for row in OF_CLASSES if row.verdict == "absent"]
    there = [row for row in absent if hasattr(CLASSES[row.heading], row.name) or row.name in fields_of(row.heading)]
    assert told(there) == []


@pytest.mark.parametrize("row", [row for row in OF_CLASSES if row.verdict == "absent" and row.is_method], ids=told_of)
def test_a_method_that_is_called_absent_raises(row: Row) -> None:
    with pytest.raises((NotBuiltError, AttributeError)):
        getattr(EXAMPLES[row.heading], row.name)()


@pytest.mark.parametrize(
    "name",
    [row.name for row in OF_CLASSES if row.heading == "Flow" and row.verdict == "absent" and not row.is_method],
)
def test_a_field_of_a_flow_that_is_called_absent_raises(name: str) -> None:
    with pytest.raises(NotBuiltError, match=name):
        Flow(**{name: "asked for"})


def test_the_tools_of_the_library_are_those_not_called_absent() -> None:
    there = {row.name for row in rows_under("crewai_tools").values() if row.verdict != "absent"}
    assert there == {*tool_library.__all__, BaseTool.__name__, Tool.__name__}


def test_the_names_of_projects_are_those_not_called_absent() -> None:
    there = {row.name for row in rows_under("Project").values() if row.verdict != "absent"}
    assert there == set(importlib.import_module("aiocrew.project").__all__)


def test_each_process_is_named() -> None:
    assert re.findall(r"`Process\.(\w+)`: \w+\.", PAGE) == list(Process.__members__)


def test_the_commands_are_those_not_called_absent() -> None:
    from aiocrew.cli.commands import app

    there = {row.name for row in rows_under("Command").values() if row.verdict != "absent"}
    assert there == {command.name for command in app.registered_commands}


def imports_of_page() -> list[tuple[str, str, str]]:
    """Return (CrewAI's module, name, our module) for each name in the table of imports."""
    table = PAGE.partition("| CrewAI | aiocrew |")[2].partition("\n\n")[0]
    found: list[tuple[str, str, str]] = []
    for line in table.splitlines()[2:]:
        theirs, ours = (cell.strip() for cell in line.strip("|").split("|"))
        for part in theirs.split(";"):
            module, *names = re.findall(r"`([^`]+)`", part)
            found += [(module, name, ours.strip("`")) for name in names]
    return found


@pytest.mark.parametrize(("theirs", "name", "ours"), imports_of_page())
def test_an_import_of_the_page_gives_what_the_compat_member_serves(theirs: str, name: str, ours: str) -> None:
    here = getattr(importlib.import_module(ours), name)
    assert getattr(importlib.import_module(theirs), name) is here
