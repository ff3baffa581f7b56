"""What every event of CrewAI's has, the ones that programs make themselves included."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BaseEvent", "type_of"]

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid.uuid4())


def type_of(cls: type) -> str:
    """Return the `type` that events of this class have by its name: "llm_call_started" for LLMCallStartedEvent."""
    return _WORDS.sub("_", cls.__name__.removesuffix("Event")).lower()


class BaseEvent(BaseModel):
    """An event. A program may make subclasses of its own and emit them.

    Fields that are not declared are kept, so that an event of a class which nothing here tells holds what its program
    gave it.
    """

    # A hundred classes, of which a program uses five: the others are never built.
    model_config = ConfigDict(arbitrary_types_allowed=True, extra="allow", defer_build=True)

    timestamp: datetime = Field(default_factory=_now)
    type: str = ""
    """By default the class's name in small letters, without "Event"."""
    source_fingerprint: str | None = None
    """Of an event of a run: the id of what it is about, which is also `source.id`."""
    source_type: str | None = None
    fingerprint_metadata: dict[str, Any] | None = None
    task_id: str | None = None
    task_name: str | None = None
    agent_id: str | None = None
    agent_role: str | None = None
    event_id: str = Field(default_factory=_new_id)
    parent_event_id: str | None = None
    previous_event_id: str | None = None
    triggered_by_event_id: str | None = None
    started_event_id: str | None = None
    emission_sequence: int | None = None
    run_id: str | None = None
    """The run that it belongs to, which CrewAI does not say: a server tells its users apart by it."""
    path: str | None = None
    """Where in the run: "run/task-0/turn-1/tool-0"."""

    def model_post_init(self, context: Any, /) -> None:
        if not self.type:
            self.type = type_of(type(self))

    def to_json(self, exclude: set[str] | None = None) -> dict[str, Any]:
        """Return the event as JSON has it; what JSON does not have stands as its text."""
        return self.model_dump(mode="json", exclude=exclude, fallback=str)
