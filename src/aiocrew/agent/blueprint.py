"""The blueprint of an agent: who it is, which model it thinks with, which tools it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import md5
from typing import Any, ClassVar
from uuid import UUID, uuid4

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from aiocrew.agent.absent import INSTEAD_OF_AGENT_FIELDS
from aiocrew.agent.answer import check_guardrail
from aiocrew.agent.interpolation import interpolate
from aiocrew.models.foreign import adopted
from aiocrew.models.llm import LLM
from aiocrew.tools.base import as_tools
from aiocrew.tools.cache import CacheHandler
from aiocrew.types.blueprint import Blueprint
from aiocrew.types.terms import Pace

__all__ = ["AgentBlueprint"]

_OFF = (None, False)
_TEMPLATES = "_templates"


class AgentBlueprint(Blueprint):
    """What people write of an agent; Agent adds its doors and says what the fields mean."""

    model_config = ConfigDict(defer_build=True)  # nobody makes one: its subclass is what is validated

    # A slot: no part of what an agent is, so that copies have their own.
    __slots__ = ("_pace",)

    role: str = Field(default=...)  # required; pyright takes config={...} for it, too
    goal: str = Field(default=...)
    backstory: str = Field(default=...)
    llm: Any = Field(default_factory=LLM.of_environment)
    tools: list[Any] = Field(default_factory=list[Any])  # of BaseTool; a list of a subclass is welcome, too
    verbose: bool = False
    max_iter: int = Field(default=25, ge=1)
    max_execution_time: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_retry_limit: int = Field(default=2, ge=0)
    max_rpm: int | None = Field(default=None, ge=1)
    step_callback: Callable[..., Any] | None = None
    cache: bool = True
    use_system_prompt: bool = True
    allow_delegation: bool = False
    function_calling_llm: Any = None
    guardrail: Callable[..., Any] | str | None = None
    guardrail_max_retries: int = Field(default=3, ge=0)
    cache_handler: CacheHandler | None = None
    system_template: str | None = None
    prompt_template: str | None = None
    response_template: str | None = None
    config: dict[str, Any] | None = Field(default=None, exclude=True)
    tools_results: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]], exclude=True)

    instead: ClassVar[Mapping[str, str]] = INSTEAD_OF_AGENT_FIELDS
    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "a2a": (None,),
        "adapted_agent": _OFF,
        "agent_executor": (None,),
        "agent_knowledge_context": (None,),
        "allow_code_execution": _OFF,
        "apps": (None,),
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
        "reasoning": _OFF,
        "respect_context_window": _OFF,
        "security_config": (None,),
        "skills": (None,),
        "tool_failure_policy": (None,),
        "tools_handler": (None,),
        "use_better_compaction": (None, True),
    }

    @field_validator("tools", mode="before")
    @classmethod
    def _take_tools(cls, value: Any) -> Any:
        return as_tools(value)

    @field_validator("llm", mode="before")
    @classmethod
    def _take_llm(cls, value: Any) -> Any:
        return LLM.of_environment() if value is None else _model(value)

    @field_validator("function_calling_llm", mode="before")
    @classmethod
    def _take_function_calling_llm(cls, value: Any) -> Any:
        return None if value is None else _model(value)

    @field_validator("allow_delegation", "verbose", "cache", mode="before")
    @classmethod
    def _take_none(cls, value: Any, info: ValidationInfo) -> Any:
        return cls.model_fields[info.field_name or ""].default if value is None else value

    @field_validator("guardrail")
    @classmethod
    def _check_guardrail(cls, value: Any) -> Any:
        check_guardrail(value)
        return value

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

    @property
    def key(self) -> str:
        """What tells agents apart by their texts, as CrewAI makes it."""
        role, goal, backstory = vars(self).get(_TEMPLATES) or (self.role, self.goal, self.backstory)
        return md5(f"{role}|{goal}|{backstory}".encode(), usedforsecurity=False).hexdigest()

    def interpolate_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Fill the {placeholders} of role, goal and backstory in place, each time anew from the texts as written.

        Nobody needs it for a kickoff, which fills in copies. Raises MissingInputError.
        """
        templates = vars(self).setdefault(_TEMPLATES, (self.role, self.goal, self.backstory))
        fields = ("role", "goal", "backstory")
        for field, text in zip(fields, templates, strict=True):
            setattr(self, field, interpolate(text, inputs, ("agent", templates[0]), field))


def _model(llm: Any) -> Any:
    found = adopted(llm)
    return LLM(found) if isinstance(found, str) and found.strip() else found
