"""The blueprint of an agent: who it is, which model it thinks with, which tools it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID, uuid4

from pydantic import Field, field_validator

from aiocrew.errors import BlueprintError
from aiocrew.models.llm import LLM
from aiocrew.tools.base import as_tool
from aiocrew.types.blueprint import Blueprint
from aiocrew.types.ports import Model
from aiocrew.types.terms import Pace

__all__ = ["Agent"]

_OFF = (None, False)


class Agent(Blueprint):
    """Who works on a task. One agent may stand in any number of crews that run at once: runs keep no state in it.

    role, goal, backstory: who the model is to be; {placeholders} are filled from a run's inputs.
    llm: "provider/model", an LLM, or an object with `async reply(request)`; None is the default model
        (OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini).
    tools: what it may call; a task's own tools take their place.
    max_iter: model replies before it must answer with what it has.
    max_execution_time: seconds for one task; when they are over the call in flight is ended.
    max_retry_limit: how often a task starts anew after a reply that corrections could not cure.
    max_rpm: model calls that it may make a minute, in all its runs together; retries count.
    step_callback: called after every tool call (AgentAction) and with the answer (AgentFinish); plain or async.
    cache: results of its tool calls may be reused within a run, where the crew's `cache` is on too.
    use_system_prompt: False puts what would be the system message into the user's.
    verbose: an account of what it does, on stderr.

    `tools_results` is published when a run ends, for people to read; with concurrent runs the last one wins.
    """

    # A slot: no part of what an agent is, so that copies have their own.
    __slots__ = ("_pace",)

    role: str
    goal: str
    backstory: str
    llm: Any = None
    tools: list[Any] = Field(default_factory=list[Any])  # of BaseTool; a list of a subclass is welcome, too
    verbose: bool = False
    max_iter: int = Field(default=25, ge=1)
    max_execution_time: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_retry_limit: int = Field(default=2, ge=0)
    max_rpm: int | None = Field(default=None, ge=1)
    step_callback: Callable[..., Any] | None = None
    cache: bool = True
    use_system_prompt: bool = True
    config: dict[str, Any] | None = Field(default=None, exclude=True)
    tools_results: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]], exclude=True)

    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "a2a": (None,),
        "adapted_agent": _OFF,
        "agent_executor": (None,),
        "agent_knowledge_context": (None,),
        "allow_code_execution": _OFF,
        "allow_delegation": _OFF,
        "apps": (None,),
        "cache_handler": (None,),
        "callbacks": (None, []),
        "checkpoint": _OFF,
        "code_execution_mode": (None, "safe"),
        "crew": (None,),
        "crew_knowledge_context": (None,),
        "date_format": (None, "%Y-%m-%d"),
        "embedder": (None,),
        "execution_context": (None,),
        "executor_class": (None,),
        "from_repository": (None,),
        "function_calling_llm": (None,),
        "guardrail": (None,),
        "guardrail_max_retries": (None, 3),
        "i18n": (None,),
        "inject_date": _OFF,
        "knowledge": (None,),
        "knowledge_config": (None,),
        "knowledge_search_query": (None,),
        "knowledge_sources": (None, []),
        "knowledge_storage": (None,),
        "max_reasoning_attempts": (None,),
        "max_tokens": (None,),
        "mcps": (None,),
        "memory": _OFF,
        "multimodal": _OFF,
        "planning": _OFF,
        "planning_config": (None,),
        "prompt_template": (None,),
        "reasoning": _OFF,
        "respect_context_window": _OFF,
        "response_template": (None,),
        "security_config": (None,),
        "skills": (None,),
        "system_template": (None,),
        "tool_failure_policy": (None,),
        "tools_handler": (None,),
        "use_better_compaction": (None, True),
    }

    @field_validator("tools", mode="before")
    @classmethod
    def _take_tools(cls, value: Any) -> Any:
        return [] if value is None else [as_tool(item) for item in value]

    @field_validator("llm")
    @classmethod
    def _take_llm(cls, value: Any) -> Any:
        if value is None or isinstance(value, str | LLM | Model):
            return value
        raise BlueprintError(
            f"llm={value!r} is no model: give a name such as 'openai/gpt-4o-mini', an LLM(...), or an object with "
            "'async def reply(self, request)'"
        )

    def pace(self) -> Pace | None:
        """Return what keeps to max_rpm, one and the same for all runs; None without it."""
        if self.max_rpm is None:
            return None
        # Here, because hardly anybody sets it, and what it needs takes a while to load.
        from aiocrew.admission.pace import pace_of

        return pace_of(self, self.max_rpm)

    @cached_property
    def id(self) -> UUID:
        """An id of this blueprint, for people; no run reads it."""
        return uuid4()
