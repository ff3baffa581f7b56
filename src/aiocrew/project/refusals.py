"""What an Agent or a Task refused, told by the place in the configuration that it came from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from aiocrew.errors import BlueprintError
from aiocrew.project.places import Entry

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["in_configuration"]


def in_configuration(error: ValidationError, used: Sequence[Entry]) -> BlueprintError | None:
    """Return `error` as one that names file, line and key; None if nothing in it comes from the entries `used`."""
    refused = [(_place(detail, used), detail) for detail in error.errors(include_url=False)]
    if not any(place for place, _ in refused):
        return None
    return BlueprintError("; ".join(_told(place, detail, error.title) for place, detail in refused))


def _place(detail: ErrorDetails, used: Sequence[Entry]) -> str:
    """Return the place, "" if the value stands in code."""
    path = detail["loc"]
    if not path or (_lacks(detail) and len(path) == 1):
        # It concerns the blueprint as a whole: what it was built of is the input then.
        given: Any = detail["input"]
        config: Any = cast("dict[str, Any]", given).get("config") if isinstance(given, dict) else None
        return config.place() if isinstance(config, Entry) else ""
    field = str(path[0])
    for entry in reversed(used):
        if field in entry and (len(path) > 1 or entry[field] is detail["input"]):
            return entry.place(*path[:2])
    return ""


def _told(place: str, detail: ErrorDetails, blueprint: str) -> str:
    field = str(detail["loc"][0]) if detail["loc"] else ""
    if not place:
        return f"{blueprint}({field}=...): {_said(detail)}"
    if _lacks(detail) and len(detail["loc"]) == 1:
        return f"{place} lacks {field!r}, which every {blueprint} needs"
    # "{topic}" without quotes is a mapping.
    braces = detail["type"] == "string_type" and isinstance(detail["input"], dict)
    return f"{place}: {_said(detail)}" + ("; a text that begins with '{' needs quotes" if braces else "")


def _lacks(detail: ErrorDetails) -> bool:
    return detail["type"] == "missing"


def _said(detail: ErrorDetails) -> str:
    # What a validator of ours raised is a text of its own; pydantic puts words before it.
    raised: Any = detail.get("ctx", {}).get("error")
    return str(raised) if isinstance(raised, ValueError) else detail["msg"]
