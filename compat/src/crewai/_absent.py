"""What of CrewAI is not served, and what to use instead: a table by module and name."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["advice"]


@dataclass(frozen=True, slots=True)
class _Absent:
    """Why something is not there, and the way that there is."""

    reason: str
    instead: str


def _not_yet(instead: str) -> _Absent:
    return _Absent("aiocrew does not have this part of CrewAI's API yet", instead)


def _for_good(instead: str) -> _Absent:
    return _Absent("aiocrew does not have it and leaves it out for good", instead)


def _inner(instead: str) -> _Absent:
    return _Absent("aiocrew does not have it, because it is a part of CrewAI's own inner workings", instead)


_MEMORY = _not_yet("give what is to be remembered as kickoff(inputs=...), or give the agent a tool that looks it up")
_KNOWLEDGE = _not_yet(
    "give the agent a tool that searches the source: TXTSearchTool, CSVSearchTool, WebsiteSearchTool or FileReadTool "
    "from crewai_tools, or a @tool of your own"
)
_MCP = _not_yet("call the server in an async @tool")
_STAGES = _for_good("write a Flow (from crewai.flow.flow import Flow, start, listen, router): a stage is a @listen")
_FORKS = _for_good("write a Flow (from crewai.flow.flow import Flow, start, listen, router): a route is a @router")
_PERSIST = _not_yet(
    "keep `flow.state` yourself when kickoff returns; kickoff_for_each(..., journal='batch.sqlite') "
    "resumes crews that are interrupted"
)
_EVENTS = _inner("handlers and listeners are told of a run; docs/compat.md of aiocrew lists the events")
_EVENT_ORDER = _not_yet("the handlers of one module are called in the order in which they are registered")
_PRINTED = _inner("say verbose=True to see a run")
_SENTENCES = _inner("an agent's system_template and prompt_template change its prompt")
_RATES = _inner("say max_rpm=... on an Agent or a Crew, or LLM(limits=...)")
_LOOP = _inner("step_callback is told of every step of an agent")
_STRUCTURE = _inner("say output_pydantic=... or output_json=... on a Task, or response_format=... on an LLM")
_WIRES = _for_good("write LLM(model='provider/model'), with base_url=... for a server of your own")
_TEXT_GUARDRAIL = _not_yet("give the Task guardrail='what must hold': a text is judged by its agent's model")
_TRAINING = _not_yet("keep what people said of the answers in the task's description, or check them by a guardrail")
_TOOL_FAILURE = _not_yet("raise an exception in the tool: its text is what the model gets to read")
_SENT = _for_good("there is nothing to switch off: aiocrew sends nothing but to the model and the tools")
_COMMAND = _for_good("the command is `aiocrew`; a project is started by its own main.py")
_SEARCH = _not_yet("TXTSearchTool, CSVSearchTool and WebsiteSearchTool search texts; or write a BaseTool of your own")
_OWN_TOOL = _not_yet("write it as a @tool or a BaseTool of your own; LangChain's tools may stand in tools= as they are")
_DEFINITIONS = _not_yet("write Agent(config=...), Crew(config=...), or a class with @CrewBase")
_ALONE = _not_yet("an Agent works alone, too: Agent(...).kickoff('...')")
_TOOLS_HOME = _Absent(
    "there each tool stands in one place", "import the tool from crewai_tools itself, or write it as a @tool"
)
_ANYTHING = _not_yet("see docs/compat.md of aiocrew for what is served")

_BY_NAME = {
    "crewai": {
        "Knowledge": _KNOWLEDGE,
        "LiteAgent": _ALONE,
        "LLMGuardrail": _TEXT_GUARDRAIL,
        "Memory": _MEMORY,
        "Pipeline": _STAGES,
        "Router": _FORKS,
        "a2a": _not_yet("call the other agent in an async @tool"),
        "agents.crew_agent_executor": _LOOP,
        "agents.parser": _LOOP,
        "agents.tools_handler": _LOOP,
        "agents": _LOOP,
        "cli": _COMMAND,
        "events": _EVENTS,
        "events.Depends": _EVENT_ORDER,
        "events.depends": _EVENT_ORDER,
        "events.event_listener": _PRINTED,
        "events.utils": _PRINTED,
        "flow.flow_visualizer": _not_yet("read the flow's decorators: they name what follows what"),
        "flow.human_feedback": _not_yet("say human_input=True on a Task"),
        "flow.persist": _PERSIST,
        "flow.persistence": _PERSIST,
        "flow.flow.persist": _PERSIST,
        "hooks": _not_yet("use step_callback, a guardrail, or an LLM subclass with a call of its own"),
        "knowledge": _KNOWLEDGE,
        "lite_agent.LiteAgent": _ALONE,
        "llms": _WIRES,
        "mcp": _MCP,
        "memory": _MEMORY,
        "pipeline": _STAGES,
        "project.PipelineBase": _STAGES,
        "project.pipeline": _STAGES,
        "project.load_agent": _DEFINITIONS,
        "project.load_crew": _DEFINITIONS,
        "project.load_crew_and_kickoff": _DEFINITIONS,
        "project.mcp_server_params": _MCP,
        "rag": _KNOWLEDGE,
        "routers": _FORKS,
        "skills": _not_yet("put the text into the agent's backstory"),
        "tasks.guardrail_result": _not_yet("a guardrail returns (True, value) or (False, reason)"),
        "tasks.hallucination_guardrail": _TEXT_GUARDRAIL,
        "tasks.llm_guardrail": _TEXT_GUARDRAIL,
        "telemetry": _SENT,
        "tools.ToolFailure": _TOOL_FAILURE,
        "tools.EnvVar": _not_yet("read the variable with os.environ in the tool"),
        "tools.structured_tool": _not_yet("make the tool with @tool or as a BaseTool, from crewai.tools"),
        "tools.tool_usage": _LOOP,
        "tools.tool_calling": _LOOP,
        "utilities.converter": _STRUCTURE,
        "utilities.evaluators": _TRAINING,
        "utilities.events": _EVENTS,
        "utilities.events.event_listener": _PRINTED,
        "utilities.events.utils": _PRINTED,
        "utilities.I18N": _SENTENCES,
        "utilities.i18n": _SENTENCES,
        "utilities.internal_instructor": _STRUCTURE,
        "utilities.InternalInstructor": _STRUCTURE,
        "utilities.Logger": _PRINTED,
        "utilities.logger": _PRINTED,
        "utilities.planning_handler": _not_yet("let the first task of the crew write the plan"),
        "utilities.Printer": _PRINTED,
        "utilities.printer": _PRINTED,
        "utilities.Prompts": _SENTENCES,
        "utilities.prompts": _SENTENCES,
        "utilities.pydantic_schema_parser": _STRUCTURE,
        "utilities.RPMController": _RATES,
        "utilities.rpm_controller": _RATES,
        "utilities.training_handler": _TRAINING,
        "utilities": _inner("see docs/compat.md of aiocrew for what is served"),
    },
    "crewai_tools": {
        "CodeInterpreterTool": _for_good("run code in a sandbox of your own, called by a @tool"),
        "EXASearchTool": _not_yet("SerperDevTool searches the web"),
        "MCPServerAdapter": _MCP,
        "PDFSearchTool": _SEARCH,
        "DOCXSearchTool": _SEARCH,
        "DirectorySearchTool": _not_yet(
            "DirectoryReadTool lists a folder, FileReadTool and TXTSearchTool read its files"
        ),
        "FirecrawlScrapeWebsiteTool": _not_yet("ScrapeWebsiteTool reads a page"),
        "JSONSearchTool": _SEARCH,
        "MDXSearchTool": _SEARCH,
        "RagTool": _SEARCH,
        "ScrapeElementFromWebsiteTool": _not_yet("ScrapeWebsiteTool reads a whole page"),
        "SeleniumScrapingTool": _not_yet("ScrapeWebsiteTool reads a page that needs no script"),
        "XMLSearchTool": _SEARCH,
        "tools": _TOOLS_HOME,
        "": _OWN_TOOL,
    },
}


def advice(name: str) -> str:
    """Return why `name` (a whole dotted one) is not served and what to use, by the longest part that is known."""
    served, _, rest = name.partition(".")
    table = _BY_NAME.get(served, {})
    known = rest
    while known and known not in table:
        known = known.rpartition(".")[0]
    absent = table.get(known, _ANYTHING)
    return f"{absent.reason}. Instead: {absent.instead}."
