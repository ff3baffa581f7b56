"""What a step gave, or what it raised, as a cassette keeps it, and back. Pure."""

from __future__ import annotations

import builtins
import json
from functools import lru_cache
from typing import Any, cast

import msgspec

from aiocrew.batch.journal_steps import as_json
from aiocrew.batch.records import ErrorRecord, error_record, recorded_error

__all__ = ["NOT_JSON", "error_of", "failure_of", "result_of", "value_of"]

NOT_JSON = object()
"""In place of a result that does not come back equal from JSON."""

_PLAIN = (str, int, float, bool, type(None))


def result_of(value: object, returns: type[Any]) -> Any:
    """Return `value`, of the type `returns`, as JSON without what is usual; NOT_JSON where it cannot be that."""
    encoded = as_json(value, returns)
    return NOT_JSON if encoded is None else _lean(json.loads(encoded), returns)


def value_of(result: Any, returns: type[Any]) -> Any:
    """Return what `result_of` was given. Raises msgspec.ValidationError for what is none."""
    return result if returns is object else msgspec.convert(result, returns)


def _lean(value: Any, kind: Any) -> Any:
    if not (isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return cast("object", value)
    usual, lean = _usual(kind), dict[str, Any]()
    for name, held in cast("dict[str, Any]", value).items():
        inner, default = usual.get(name, (object, NOT_JSON))
        if held != default:
            lean[name] = _lean(held, inner)
    return lean


@lru_cache(maxsize=64)
def _usual(kind: type[msgspec.Struct]) -> dict[str, tuple[Any, Any]]:
    """Return type and default, as JSON, of each field that has one."""
    found: dict[str, tuple[Any, Any]] = {}
    for field in msgspec.structs.fields(kind):
        if field.default is not msgspec.NODEFAULT:
            found[field.encode_name] = (field.type, msgspec.to_builtins(field.default))
        elif field.default_factory is not msgspec.NODEFAULT:
            found[field.encode_name] = (field.type, msgspec.to_builtins(field.default_factory()))
    return found


def failure_of(error: Exception) -> Any:
    """Return what is kept of an error: its class where that is aiocrew's or Python's own, else its name and text."""
    kind = type(error)
    if kind.__module__ == "builtins" and all(type(given) in _PLAIN for given in error.args):
        return {"python": kind.__name__, "args": list(error.args)}
    return msgspec.to_builtins(error_record(error))


def error_of(failure: Any) -> Exception:
    """Return the error of which `failure` was kept, without its cause. Raises TypeError for what is none."""
    kept = cast("dict[str, Any]", failure)
    if "python" not in kept:
        return recorded_error(msgspec.convert(kept, ErrorRecord))
    kind = getattr(builtins, str(kept["python"]), None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise TypeError(f"{kept['python']!r} is no class of errors")
    return kind(*kept.get("args", ()))
