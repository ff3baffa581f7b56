"""Crews of AI agents, native on asyncio: thousands in one event loop, with CrewAI's API."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from aiocrew.version import __version__

if TYPE_CHECKING:
    from aiocrew.admission.budget import Budget
    from aiocrew.agent.agent import Agent
    from aiocrew.agent.event_stream import EventStream
    from aiocrew.agent.record import AgentAction, AgentFinish
    from aiocrew.aio.blocking import BlockingKickoffWarning
    from aiocrew.crew.conditional import ConditionalTask
    from aiocrew.crew.crew import Crew
    from aiocrew.crew.process import Process
    from aiocrew.crew.run import Run
    from aiocrew.crew.streaming import CrewStreamingOutput, StreamChunk, StreamChunkType, ToolCallChunk
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
    from aiocrew.flow.flow import Flow
    from aiocrew.flow.streaming import FlowStreamingOutput
    from aiocrew.models.llm import LLM
    from aiocrew.models.offline import OfflineModel
    from aiocrew.models.snapshot import Allowance, LimitState, admission_snapshot
    from aiocrew.net.closing import aclose
    from aiocrew.seeing.observation import Observation, observe
    from aiocrew.seeing.otel import Instrumentation, instrument
    from aiocrew.seeing.report import Cause, Culprit, OverlapReport
    from aiocrew.server.disconnect import cancel_on_disconnect
    from aiocrew.tools.base import BaseTool, Tool
    from aiocrew.tools.cache import CacheHandler
    from aiocrew.tools.decorator import tool
    from aiocrew.tools.library.csv_search import CSVSearchTool
    from aiocrew.tools.library.directory_read import DirectoryReadTool
    from aiocrew.tools.library.file_read import FileReadTool
    from aiocrew.tools.library.file_writer import FileWriterTool
    from aiocrew.tools.library.scrape_website import ScrapeWebsiteTool
    from aiocrew.tools.library.serper import SerperDevTool
    from aiocrew.tools.library.txt_search import TXTSearchTool
    from aiocrew.tools.library.website_search import WebsiteSearchTool
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
    from aiocrew.types.spending import Spent
    from aiocrew.types.usage import Usage, UsageMetrics

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
    "CrewStreamingOutput",
    "Culprit",
    "DeadlineExceededError",
    "DirectoryReadTool",
    "EventSink",
    "EventStream",
    "FailedRun",
    "FileReadTool",
    "FileWriterTool",
    "Flow",
    "FlowError",
    "FlowStreamingOutput",
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
    "Spent",
    "StreamChunk",
    "StreamChunkType",
    "StreamingModel",
    "System",
    "TXTSearchTool",
    "Task",
    "TaskError",
    "TaskOutput",
    "Tool",
    "ToolCall",
    "ToolCallChunk",
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
    "ToolCallChunk": "aiocrew.crew.streaming",
    "StreamChunkType": "aiocrew.crew.streaming",
    "StreamChunk": "aiocrew.crew.streaming",
    "FlowStreamingOutput": "aiocrew.flow.streaming",
    "CrewStreamingOutput": "aiocrew.crew.streaming",
    "EventStream": "aiocrew.agent.event_stream",
    "Spent": "aiocrew.types.spending",
    "Agent": "aiocrew.agent.agent",
    "AgentAction": "aiocrew.agent.record",
    "AgentError": "aiocrew.errors",
    "AgentFinish": "aiocrew.agent.record",
    "AiocrewError": "aiocrew.errors",
    "AiocrewWarning": "aiocrew.types.blueprint",
    "Allowance": "aiocrew.models.snapshot",
    "AnswerSpec": "aiocrew.types.messages",
    "Assistant": "aiocrew.types.messages",
    "AuthenticationError": "aiocrew.errors",
    "BadRequestError": "aiocrew.errors",
    "BaseTool": "aiocrew.tools.base",
    "BatchError": "aiocrew.errors",
    "BlockingKickoffWarning": "aiocrew.aio.blocking",
    "BlueprintError": "aiocrew.errors",
    "Budget": "aiocrew.admission.budget",
    "BudgetExceededError": "aiocrew.errors",
    "CSVSearchTool": "aiocrew.tools.library.csv_search",
    "CacheHandler": "aiocrew.tools.cache",
    "CallbackError": "aiocrew.errors",
    "Cause": "aiocrew.seeing.report",
    "Chunk": "aiocrew.types.messages",
    "ConditionalTask": "aiocrew.crew.conditional",
    "ContextTooLongError": "aiocrew.errors",
    "Crew": "aiocrew.crew.crew",
    "CrewOutput": "aiocrew.types.outputs",
    "Culprit": "aiocrew.seeing.report",
    "DeadlineExceededError": "aiocrew.errors",
    "DirectoryReadTool": "aiocrew.tools.library.directory_read",
    "EventSink": "aiocrew.types.ports",
    "FailedRun": "aiocrew.types.outputs",
    "FileReadTool": "aiocrew.tools.library.file_read",
    "FileWriterTool": "aiocrew.tools.library.file_writer",
    "Flow": "aiocrew.flow.flow",
    "FlowError": "aiocrew.errors",
    "GuardrailError": "aiocrew.errors",
    "Human": "aiocrew.types.ports",
    "Instrumentation": "aiocrew.seeing.otel",
    "InterruptedToolError": "aiocrew.errors",
    "InvalidReplyError": "aiocrew.errors",
    "JournalError": "aiocrew.errors",
    "LLM": "aiocrew.models.llm",
    "LimitState": "aiocrew.models.snapshot",
    "Limits": "aiocrew.types.limits",
    "LiteAgentOutput": "aiocrew.types.outputs",
    "Location": "aiocrew.errors",
    "Message": "aiocrew.types.messages",
    "MissingInputError": "aiocrew.errors",
    "MissingKeyError": "aiocrew.errors",
    "Model": "aiocrew.types.ports",
    "ModelConnectionError": "aiocrew.errors",
    "ModelRefusedError": "aiocrew.errors",
    "ModelTimeoutError": "aiocrew.errors",
    "NotBuiltError": "aiocrew.errors",
    "NotStartedError": "aiocrew.errors",
    "Observation": "aiocrew.seeing.observation",
    "OfflineModel": "aiocrew.models.offline",
    "Outcome": "aiocrew.types.outputs",
    "Outcomes": "aiocrew.types.outputs",
    "OutputFormat": "aiocrew.types.outputs",
    "OverlapReport": "aiocrew.seeing.report",
    "OverloadedError": "aiocrew.errors",
    "Price": "aiocrew.types.prices",
    "Process": "aiocrew.crew.process",
    "ProviderError": "aiocrew.errors",
    "Question": "aiocrew.types.ports",
    "QuotaExceededError": "aiocrew.errors",
    "RateLimitError": "aiocrew.errors",
    "Reply": "aiocrew.types.messages",
    "Request": "aiocrew.types.messages",
    "RequestRefusedError": "aiocrew.errors",
    "Run": "aiocrew.crew.run",
    "RunOptions": "aiocrew.types.context",
    "ScrapeWebsiteTool": "aiocrew.tools.library.scrape_website",
    "SerperDevTool": "aiocrew.tools.library.serper",
    "StreamingModel": "aiocrew.types.ports",
    "System": "aiocrew.types.messages",
    "TXTSearchTool": "aiocrew.tools.library.txt_search",
    "Task": "aiocrew.crew.task",
    "TaskError": "aiocrew.errors",
    "TaskOutput": "aiocrew.types.outputs",
    "Tool": "aiocrew.tools.base",
    "ToolCall": "aiocrew.types.messages",
    "ToolResult": "aiocrew.types.messages",
    "ToolSpec": "aiocrew.types.messages",
    "UnknownModelError": "aiocrew.errors",
    "UnusableReplyError": "aiocrew.errors",
    "Usage": "aiocrew.types.usage",
    "UsageError": "aiocrew.errors",
    "UsageMetrics": "aiocrew.types.usage",
    "User": "aiocrew.types.messages",
    "WebsiteSearchTool": "aiocrew.tools.library.website_search",
    "aclose": "aiocrew.net.closing",
    "admission_snapshot": "aiocrew.models.snapshot",
    "cancel_on_disconnect": "aiocrew.server.disconnect",
    "instrument": "aiocrew.seeing.otel",
    "observe": "aiocrew.seeing.observation",
    "tool": "aiocrew.tools.decorator",
}
"""Where each name comes from: it is loaded when it is first asked for, so that who uses one waits for no other."""


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module 'aiocrew' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE})
