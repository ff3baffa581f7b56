"""Crews of AI agents, native on asyncio: thousands in one event loop, with CrewAI's API."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from aiocrew.agent.agent import Agent
from aiocrew.agent.record import AgentAction, AgentFinish
from aiocrew.aio.blocking import BlockingKickoffWarning
from aiocrew.crew.crew import Crew
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.errors import (
    AgentError,
    AiocrewError,
    AuthenticationError,
    BadRequestError,
    BatchError,
    BlueprintError,
    BudgetExceededError,
    CallbackError,
    ContextTooLongError,
    DeadlineExceededError,
    FlowError,
    GuardrailError,
    InterruptedToolError,
    InvalidReplyError,
    JournalError,
    Location,
    MissingInputError,
    MissingKeyError,
    ModelConnectionError,
    ModelRefusedError,
    ModelTimeoutError,
    NotBuiltError,
    NotStartedError,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    RequestRefusedError,
    TaskError,
    UnknownModelError,
    UnusableReplyError,
    UsageError,
)
from aiocrew.models.llm import LLM
from aiocrew.net.closing import aclose
from aiocrew.tools.base import BaseTool, Tool
from aiocrew.tools.cache import CacheHandler
from aiocrew.tools.decorator import tool
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.context import RunOptions
from aiocrew.types.limits import Limits
from aiocrew.types.messages import (
    AnswerSpec,
    Assistant,
    Chunk,
    Message,
    Reply,
    Request,
    System,
    ToolCall,
    ToolResult,
    ToolSpec,
    User,
)
from aiocrew.types.outputs import (
    CrewOutput,
    FailedRun,
    LiteAgentOutput,
    Outcome,
    Outcomes,
    OutputFormat,
    TaskOutput,
)
from aiocrew.types.ports import EventSink, Human, Model, Question, StreamingModel
from aiocrew.types.prices import Price
from aiocrew.types.usage import Usage, UsageMetrics
from aiocrew.version import __version__

if TYPE_CHECKING:
    from aiocrew.admission.budget import Budget
    from aiocrew.crew.conditional import ConditionalTask
    from aiocrew.crew.run import Run
    from aiocrew.flow.flow import Flow
    from aiocrew.models.offline import OfflineModel
    from aiocrew.models.snapshot import Allowance, LimitState, admission_snapshot
    from aiocrew.seeing.observation import Observation, observe
    from aiocrew.seeing.otel import Instrumentation, instrument
    from aiocrew.seeing.report import Cause, Culprit, OverlapReport
    from aiocrew.server.disconnect import cancel_on_disconnect
    from aiocrew.tools.library.csv_search import CSVSearchTool
    from aiocrew.tools.library.directory_read import DirectoryReadTool
    from aiocrew.tools.library.file_read import FileReadTool
    from aiocrew.tools.library.file_writer import FileWriterTool
    from aiocrew.tools.library.scrape_website import ScrapeWebsiteTool
    from aiocrew.tools.library.serper import SerperDevTool
    from aiocrew.tools.library.txt_search import TXTSearchTool
    from aiocrew.tools.library.website_search import WebsiteSearchTool

__all__ = [
    "LLM",
    "Agent",
    "AgentAction",
    "AgentError",
    "AgentFinish",
    "AiocrewError",
    "AiocrewWarning",
    "Allowance",
    "AnswerSpec",
    "Assistant",
    "AuthenticationError",
    "BadRequestError",
    "BaseTool",
    "BatchError",
    "BlockingKickoffWarning",
    "BlueprintError",
    "Budget",
    "BudgetExceededError",
    "CSVSearchTool",
    "CacheHandler",
    "CallbackError",
    "Cause",
    "Chunk",
    "ConditionalTask",
    "ContextTooLongError",
    "Crew",
    "CrewOutput",
    "Culprit",
    "DeadlineExceededError",
    "DirectoryReadTool",
    "EventSink",
    "FailedRun",
    "FileReadTool",
    "FileWriterTool",
    "Flow",
    "FlowError",
    "GuardrailError",
    "Human",
    "Instrumentation",
    "InterruptedToolError",
    "InvalidReplyError",
    "JournalError",
    "LimitState",
    "Limits",
    "LiteAgentOutput",
    "Location",
    "Message",
    "MissingInputError",
    "MissingKeyError",
    "Model",
    "ModelConnectionError",
    "ModelRefusedError",
    "ModelTimeoutError",
    "NotBuiltError",
    "NotStartedError",
    "Observation",
    "OfflineModel",
    "Outcome",
    "Outcomes",
    "OutputFormat",
    "OverlapReport",
    "OverloadedError",
    "Price",
    "Process",
    "ProviderError",
    "Question",
    "QuotaExceededError",
    "RateLimitError",
    "Reply",
    "Request",
    "RequestRefusedError",
    "Run",
    "RunOptions",
    "ScrapeWebsiteTool",
    "SerperDevTool",
    "StreamingModel",
    "System",
    "TXTSearchTool",
    "Task",
    "TaskError",
    "TaskOutput",
    "Tool",
    "ToolCall",
    "ToolResult",
    "ToolSpec",
    "UnknownModelError",
    "UnusableReplyError",
    "Usage",
    "UsageError",
    "UsageMetrics",
    "User",
    "WebsiteSearchTool",
    "__version__",
    "aclose",
    "admission_snapshot",
    "cancel_on_disconnect",
    "instrument",
    "observe",
    "tool",
]

_ON_FIRST_USE = {
    "Allowance": "aiocrew.models.snapshot",
    "Budget": "aiocrew.admission.budget",
    "CSVSearchTool": "aiocrew.tools.library.csv_search",
    "ConditionalTask": "aiocrew.crew.conditional",
    "DirectoryReadTool": "aiocrew.tools.library.directory_read",
    "FileReadTool": "aiocrew.tools.library.file_read",
    "FileWriterTool": "aiocrew.tools.library.file_writer",
    "Flow": "aiocrew.flow.flow",
    "Instrumentation": "aiocrew.seeing.otel",
    "LimitState": "aiocrew.models.snapshot",
    "Run": "aiocrew.crew.run",
    "ScrapeWebsiteTool": "aiocrew.tools.library.scrape_website",
    "OfflineModel": "aiocrew.models.offline",
    "SerperDevTool": "aiocrew.tools.library.serper",
    "TXTSearchTool": "aiocrew.tools.library.txt_search",
    "WebsiteSearchTool": "aiocrew.tools.library.website_search",
    "admission_snapshot": "aiocrew.models.snapshot",
    "Cause": "aiocrew.seeing.report",
    "Culprit": "aiocrew.seeing.report",
    "Observation": "aiocrew.seeing.observation",
    "OverlapReport": "aiocrew.seeing.report",
    "cancel_on_disconnect": "aiocrew.server.disconnect",
    "instrument": "aiocrew.seeing.otel",
    "observe": "aiocrew.seeing.observation",
}
"""Names that few programs use; who does not, does not wait for them to load."""


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module 'aiocrew' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE})
