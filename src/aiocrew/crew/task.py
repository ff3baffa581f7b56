"""The blueprint of a task: what is to be done, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, ClassVar
from uuid import UUID, uuid4

from pydantic import Field, field_validator

from aiocrew.agent.agent import Agent
from aiocrew.tools.base import as_tool
from aiocrew.types.blueprint import Blueprint
from aiocrew.types.outputs import TaskOutput

__all__ = ["Task"]

_OFF = (None, False)


class Task(Blueprint):
    """One piece of a crew's work.

    description, expected_output: what the agent is told; {placeholders} are filled from a run's inputs.
    agent: who does it.
    context: the tasks whose outputs it is told, just these; [] means none. None means not given: a synchronous task
        waits for and sees every earlier one, an async task the earlier synchronous ones and what these have joined.
    tools: in place of the agent's.
    async_execution: goes on beside the tasks that follow, until one of them waits for it.
    callback: called with the TaskOutput; plain or async. An exception in it fails the task.
    output_file: where the output is written, whole; {placeholders} are filled, and cannot lead out of its folder.
    create_directory: make that folder where it is missing.
    name: for people; a short form of the description where it is not given.

    `output` is published when a run ends, for people to read; with concurrent runs the last one wins.
    """

    description: str
    expected_output: str
    agent: Agent | None = None
    context: list[Task] | None = None
    tools: list[Any] = Field(default_factory=list[Any])  # of BaseTool; a list of a subclass is welcome, too
    async_execution: bool = False
    callback: Callable[..., Any] | None = None
    output_file: str | None = None
    create_directory: bool = True
    name: str | None = None
    config: dict[str, Any] | None = Field(default=None, exclude=True)
    output: TaskOutput | None = Field(default=None, exclude=True)

    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "allow_crewai_trigger_context": _OFF,
        "condition": (None,),
        "converter_cls": (None,),
        "guardrail": (None,),
        "guardrail_max_retries": (None, 3),
        "guardrails": (None, []),
        "human_input": _OFF,
        "i18n": (None,),
        "input_files": (None, {}),
        "markdown": _OFF,
        "max_retries": (None,),
        "output_json": (None,),
        "output_pydantic": (None,),
        "prompt_context": (None,),
        "processed_by_agents": (None, set[str]()),
        "response_model": (None,),
        "retry_count": (None, 0),
        "security_config": (None,),
        "start_time": (None,),
        "tool_failure_policy": (None,),
    }

    @field_validator("tools", mode="before")
    @classmethod
    def _take_tools(cls, value: Any) -> Any:
        return [] if value is None else [as_tool(item) for item in value]

    @field_validator("async_execution", mode="before")
    @classmethod
    def _take_none_as_off(cls, value: Any) -> Any:
        return False if value is None else value

    @field_validator("output_file")
    @classmethod
    def _check_output_file(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("output_file is empty: give a path, or leave it out")
        return value

    @cached_property
    def id(self) -> UUID:
        """An id of this blueprint, for people; no run reads it."""
        return uuid4()

    @property
    def label(self) -> str:
        """The name by which messages call the task."""
        if self.name:
            return self.name
        return _beginning(self.description[:400])


@lru_cache(maxsize=1024)
def _beginning(text: str) -> str:
    words = text.split(maxsplit=8)
    return " ".join(words[:8]) + ("..." if len(words) > 8 else "")
