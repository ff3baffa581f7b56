"""The names of spans and attributes, as the semantic conventions for generative AI have them. Pure.

They are those of version 1.41, and for the durations of workflows, agents and tools those of the conventions' own
repository, which took them over (open-telemetry/semantic-conventions-genai), as for the level of reasoning. What no
convention names is `aiocrew.*`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ["HTTP", "SCHEMA_URL", "GenAI", "Own", "Server", "one_line", "sound"]

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"


class GenAI:
    """Names of the conventions."""

    OPERATION: Final = "gen_ai.operation.name"
    PROVIDER: Final = "gen_ai.provider.name"
    WORKFLOW: Final = "gen_ai.workflow.name"
    AGENT: Final = "gen_ai.agent.name"
    OUTPUT_TYPE: Final = "gen_ai.output.type"
    REQUEST_MODEL: Final = "gen_ai.request.model"
    REQUEST_STREAM: Final = "gen_ai.request.stream"
    TEMPERATURE: Final = "gen_ai.request.temperature"
    TOP_P: Final = "gen_ai.request.top_p"
    TOP_K: Final = "gen_ai.request.top_k"
    MAX_TOKENS: Final = "gen_ai.request.max_tokens"
    SEED: Final = "gen_ai.request.seed"
    PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
    FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
    STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
    CHOICES: Final = "gen_ai.request.choice.count"
    REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
    OPENAI_API: Final = "openai.api.type"
    OPENAI_TIER: Final = "openai.request.service_tier"
    RESPONSE_ID: Final = "gen_ai.response.id"
    RESPONSE_MODEL: Final = "gen_ai.response.model"
    FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
    TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
    INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
    OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
    CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
    CACHE_CREATION: Final = "gen_ai.usage.cache_creation.input_tokens"
    REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
    TOKEN_TYPE: Final = "gen_ai.token.type"
    TOOL: Final = "gen_ai.tool.name"
    TOOL_TYPE: Final = "gen_ai.tool.type"
    TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
    TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
    TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
    TOOL_RESULT: Final = "gen_ai.tool.call.result"
    TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
    SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
    INPUT_MESSAGES: Final = "gen_ai.input.messages"
    OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
    ERROR_TYPE: Final = "error.type"
    EXCEPTION: Final = "exception"
    EXCEPTION_TYPE: Final = "exception.type"
    EXCEPTION_MESSAGE: Final = "exception.message"


class Server:
    """Names of the conventions for all clients."""

    ADDRESS: Final = "server.address"
    PORT: Final = "server.port"


class HTTP:
    """Names of the conventions for HTTP."""

    STATUS: Final = "http.response.status_code"


class Own:
    """Names beyond the conventions."""

    RUN_ID: Final = "aiocrew.run.id"
    PATH: Final = "aiocrew.path"
    WORKFLOW_KIND: Final = "aiocrew.workflow.kind"
    TASK: Final = "aiocrew.task.name"
    METHOD: Final = "aiocrew.flow.method"
    ATTEMPTS: Final = "aiocrew.attempts"
    WAITED_S: Final = "aiocrew.waited_s"
    COST_USD: Final = "aiocrew.cost_usd"
    REUSED: Final = "aiocrew.tool.reused"
    COWORKER: Final = "aiocrew.coworker"
    CANCELLED: Final = "aiocrew.cancelled"
    ABANDONED: Final = "aiocrew.abandoned"
    # Events of spans, and their attributes.
    QUEUED: Final = "aiocrew.queued"
    SENT: Final = "aiocrew.sent"
    RETRIED: Final = "aiocrew.retried"
    REPAIRED: Final = "aiocrew.reply_repaired"
    HUMAN: Final = "aiocrew.human_feedback"
    GUARDRAIL: Final = "aiocrew.guardrail"
    CALLBACK: Final = "aiocrew.callback"
    ATTEMPT: Final = "aiocrew.attempt"
    LIMIT: Final = "aiocrew.limit"
    DELAY_S: Final = "aiocrew.delay_s"
    DURATION_S: Final = "aiocrew.duration_s"
    NAME: Final = "aiocrew.name"
    OK: Final = "aiocrew.ok"
    REASON: Final = "aiocrew.reason"


_LONGEST_NAME: Final = 200


@lru_cache(maxsize=1024)
def one_line(name: str) -> str:
    """Return `name` as the name of a span can hold it: one line of sound text, of 200 characters at most."""
    if name.isascii() and name.isprintable() and len(name) <= _LONGEST_NAME:
        return name
    return sound(" ".join(name.split()))[:_LONGEST_NAME]


def sound(text: str) -> str:
    """Return `text` with halves of surrogate pairs replaced: one of them would cost a whole batch of spans.

    Protocol buffers refuse them, and models do write them.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
