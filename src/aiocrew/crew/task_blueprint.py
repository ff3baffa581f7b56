"""The blueprint of a task: what is to be done, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import md5
from typing import Any, ClassVar, Generic, Self, cast
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from typing_extensions import TypeVar

from aiocrew.agent.absent import INSTEAD_OF_TASK_FIELDS
from aiocrew.agent.agent import Agent
from aiocrew.agent.answer import check_guardrail
from aiocrew.agent.interpolation import interpolate
from aiocrew.tools.base import as_tools
from aiocrew.types.blueprint import Blueprint
from aiocrew.types.outputs import TaskOutput
from aiocrew.types.places import calling_frame, place_of

__all__ = ["T", "TaskBlueprint", "label_of"]

T = TypeVar("T", default=str)
"""What a task gives: text, unless it has an output_pydantic or a response_model."""

_OFF = (None, False)
_OF_AGENT = "_tools_of_agent"
_TEMPLATES = "_templates"
_WRITTEN_AT = "_written_at"


class TaskBlueprint(Blueprint, Generic[T]):
    """What people write of a task; Task adds its doors and says what the fields mean."""

    model_config = ConfigDict(defer_build=True)  # nobody makes one: its subclass is what is validated

    description: str = Field(default=...)  # required; pyright takes config={...} for it, too
    expected_output: str = Field(default=...)
    agent: Agent | None = None
    context: list[Any] | None = None  # of Task
    tools: list[Any] = Field(default_factory=list[Any])  # of BaseTool; a list of a subclass is welcome, too
    async_execution: bool = False
    callback: Callable[..., Any] | None = None
    output_file: str | None = None
    create_directory: bool = True
    name: str | None = None
    output_pydantic: type[T] | None = None
    response_model: type[T] | None = None
    output_json: type[BaseModel] | None = None
    converter_cls: type[Any] | None = None
    guardrail: Callable[..., Any] | str | None = None
    guardrails: Sequence[Callable[..., Any] | str] | Callable[..., Any] | str | None = None
    guardrail_max_retries: int = Field(default=3, ge=0)
    max_retries: int | None = Field(default=None, ge=0)
    """CrewAI's older name of guardrail_max_retries."""
    human_input: bool = False
    markdown: bool = False
    config: dict[str, Any] | None = Field(default=None, exclude=True)
    output: TaskOutput | None = Field(default=None, exclude=True)

    instead: ClassVar[Mapping[str, str]] = INSTEAD_OF_TASK_FIELDS
    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "allow_crewai_trigger_context": _OFF,
        "i18n": (None,),
        "input_files": (None, {}),
        "prompt_context": (None,),
        "processed_by_agents": (None, set[str]()),
        "retry_count": (None, 0),
        "security_config": (None,),
        "start_time": (None,),
        "tool_failure_policy": (None,),
    }

    is_conditional: ClassVar[bool] = False
    """Whether it has a condition: to ask pydantic for a class costs ten times as much."""

    @field_validator("tools", mode="before")
    @classmethod
    def _take_tools(cls, value: Any) -> Any:
        return as_tools(value)

    @field_validator("async_execution", "human_input", "markdown", mode="before")
    @classmethod
    def _take_none_as_off(cls, value: Any) -> Any:
        return False if value is None else value

    @field_validator("context")
    @classmethod
    def _check_context(cls, value: list[Any] | None) -> list[Any] | None:
        for named in value or ():
            if not isinstance(named, TaskBlueprint):
                raise ValueError(f"context takes tasks, not {named!r}")  # noqa: TRY004 - pydantic tells of it
        return value

    @field_validator("output_pydantic", "response_model")
    @classmethod
    def _check_class(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and not (isinstance(value, type) and issubclass(value, BaseModel)):
            raise ValueError(f"{info.field_name} must be a class of pydantic's BaseModel, not {value!r}")
        return value

    @field_validator("guardrail", "guardrails")
    @classmethod
    def _check_guardrails(cls, value: Any) -> Any:
        judges: Sequence[Any] = cast("Any", value) if isinstance(value, Sequence) else (value,)
        for judge in judges:
            check_guardrail(judge)
        return cast("Any", value)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if _WRITTEN_AT not in vars(self):  # a crew checks its tasks anew
            vars(self)[_WRITTEN_AT] = place_of(calling_frame())
        given = [name for name in ("output_json", "output_pydantic", "response_model") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"a task has one form of output: leave out all but one of {', '.join(given)}")
        if not given:
            named = type(self).__pydantic_generic_metadata__["args"]  # Report, of Task[Report](...)
            if named and isinstance(named[0], type) and issubclass(named[0], BaseModel):
                vars(self)["output_pydantic"] = named[0]
        if not self.tools and self.agent is not None and self.agent.tools:
            # For people to read, as CrewAI has it; own_tools knows that they are the agent's.
            vars(self)["tools"] = list(self.agent.tools)
            vars(self)[_OF_AGENT] = tuple(self.agent.tools)
        return self

    @field_validator("output_file")
    @classmethod
    def _check_output_file(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("output_file is empty: give a path, or leave it out")
        return value

    @property
    def own_tools(self) -> list[Any]:
        """The tools that take the place of the agent's; empty where there are none."""
        of_agent: tuple[Any, ...] | None = vars(self).get(_OF_AGENT)
        if of_agent is None or len(self.tools) != len(of_agent):
            return self.tools
        return [] if all(own is its for own, its in zip(self.tools, of_agent, strict=True)) else self.tools

    @property
    def judges(self) -> list[Callable[..., Any] | str]:
        """The guardrails, in their order."""
        first = [] if self.guardrail is None else [self.guardrail]
        several = self.guardrails
        if several is None or isinstance(several, str) or not isinstance(several, Sequence):
            return first if several is None else [*first, several]
        return [*first, *several]

    @property
    def key(self) -> str:
        """What tells tasks apart by their texts, as CrewAI makes it."""
        description, expected_output = vars(self).get(_TEMPLATES) or (self.description, self.expected_output)
        return md5(f"{description}|{expected_output}".encode(), usedforsecurity=False).hexdigest()

    def interpolate_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Fill the {placeholders} of the texts in place, each time anew from the texts as they were written.

        Nobody needs it for a kickoff, which fills in copies. Raises MissingInputError.
        """
        templates = vars(self).setdefault(_TEMPLATES, (self.description, self.expected_output))
        owner = ("task", self.label)
        for field, text in zip(("description", "expected_output"), templates, strict=True):
            setattr(self, field, interpolate(text, inputs, owner, field))

    @cached_property
    def id(self) -> UUID:
        """An id of this blueprint, for people; no run reads it."""
        return uuid4()

    @property
    def written_at(self) -> str:
        """Where the program has it, as "file:line"; "" where that is not known."""
        return vars(self).get(_WRITTEN_AT, "")

    @property
    def label(self) -> str:
        """The name by which messages call the task."""
        return label_of(self.name, self.description)


def label_of(name: str | None, description: str) -> str:
    """Return the name by which people call a task: its own, or the first words of its description."""
    return name or _beginning(description[:400])


@lru_cache(maxsize=1024)
def _beginning(text: str) -> str:
    words = text.split(maxsplit=8)
    return " ".join(words[:8]) + ("..." if len(words) > 8 else "")
