"""An outcome as a journal keeps it: a versioned record in JSON, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

import msgspec
from pydantic import BaseModel, ConfigDict

from aiocrew import errors
from aiocrew.errors import AiocrewError, BlueprintError, JournalError, Location
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcome
from aiocrew.types.spending import Charge, Spent
from aiocrew.types.usage import Usage, UsageMetrics

__all__ = [
    "ErrorRecord",
    "FixedCost",
    "RecordedCharge",
    "RecordedFields",
    "decode_outcome",
    "encode_outcome",
    "error_record",
    "recorded_charges",
    "recorded_error",
]

M = TypeVar("M", bound=BaseModel)

_VERSION = 1
_OWN: dict[str, type[AiocrewError]] = {
    name: cls
    for name, cls in vars(errors).items()
    if name in errors.__all__ and isinstance(cls, type) and issubclass(cls, AiocrewError)
}
_IN_EVERY_ERROR = {"message", "at", "others"}


class RecordedCharge(msgspec.Struct, frozen=True, gc=False):
    """What the calls of one task, one agent and one model used and cost together, as a Charge."""

    task: int | None
    agent: str
    model: str
    calls: int
    usage: Usage
    cost_usd: float | None

    def cost(self) -> float | None:
        return self.cost_usd


class FixedCost(msgspec.Struct, frozen=True, gc=False):
    """A Costing: a cost that is known already. It can be pickled."""

    cost_usd: float | None
    charges: tuple[RecordedCharge, ...] = ()

    def __call__(self) -> float | None:
        return self.cost_usd


class RecordedFields(BaseModel):
    """What a journal kept of an instance of a user's class: its fields. Which class it was is not known here."""

    model_config = ConfigDict(extra="allow")

    def as_a(self, cls: type[M]) -> M:
        """Return the instance. Raises ValueError where `cls` does not take these fields."""
        # As JSON: a strict class takes dates and enums as texts there only.
        fields = json.dumps(self.model_extra, ensure_ascii=False).encode(errors="replace")
        return cls.model_validate_json(fields, by_alias=True, by_name=True)


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error as JSON: the nearest of aiocrew's own classes, and its fields."""

    kind: str
    message: str
    at: Location | None = None
    fields: dict[str, Any] = {}
    others: tuple[ErrorRecord, ...] = ()


class _Record(msgspec.Struct, frozen=True):
    """`output` of a run that gave one, `error` of one that did not."""

    version: int
    duration_s: float
    token_usage: dict[str, int]
    cost_usd: float | None
    output: dict[str, Any] | None = None
    error: ErrorRecord | None = None
    charges: tuple[RecordedCharge, ...] = ()
    """What the parts of the run cost; records of earlier versions have none."""


def encode_outcome(outcome: Outcome) -> bytes:
    """Return the record of an outcome, its cost included: the price list had better been loaded before.

    Of an instance of a user's class its fields are kept. Raises BlueprintError when a callback put something into the
    output that is not JSON.
    """
    try:
        record = _Record(
            version=_VERSION,
            duration_s=outcome.duration_s,
            token_usage=outcome.token_usage.model_dump(),
            cost_usd=outcome.cost_usd,
            output=_of_output(outcome) if isinstance(outcome, CrewOutput) else None,
            error=error_record(outcome.error) if isinstance(outcome, FailedRun) else None,
            charges=recorded_charges(outcome.charges),
        )
        # Not msgspec's JSON, which has no place for half a surrogate pair: models do write them.
        return json.dumps(msgspec.to_builtins(record)).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise BlueprintError(f"the output cannot be kept in a journal, a part of it is not JSON: {error}") from error


def decode_outcome(
    record: bytes, *, index: int, inputs: Mapping[str, Any] | None, attempts: int, journal: str
) -> Outcome:
    """Return the outcome that was recorded, as that of the input at `index`.

    An error is of its class again, without cause; an instance of a user's class is RecordedFields. Raises JournalError
    for what is no record of this version.
    """
    try:
        kept = _read(record, journal)
        usage = UsageMetrics.model_validate(kept.token_usage)
        cost = FixedCost(kept.cost_usd, kept.charges)
        own: dict[str, Any] = {"index": index, "duration_s": kept.duration_s, "attempts": attempts}
        if kept.error is not None:
            failure = recorded_error(kept.error)
            return FailedRun(error=failure, status="failed", inputs=inputs, token_usage=usage, costing=cost, **own)
        given = None if inputs is None else dict(inputs)
        output = {**_to_output(kept.output or {}), **own, "inputs": given, "token_usage": usage}
        return CrewOutput.model_validate(output).costed(cost)
    except (ValueError, msgspec.ValidationError) as error:
        raise JournalError(
            f"the journal {journal!r} holds a record of an outcome that cannot be read: {error}. "
            "Take another journal, or mend this one from a copy.",
            path=journal,
        ) from error


def _read(record: bytes, journal: str) -> _Record:
    data: Any = json.loads(record)
    version: Any = cast("dict[str, Any]", data).get("version") if isinstance(data, dict) else None
    if version != _VERSION:
        raise JournalError(
            f"the journal {journal!r} holds a record of version {version!r}, this aiocrew reads version {_VERSION}: "
            "go on with the aiocrew that began the batch, or take another journal",
            path=journal,
        )
    return msgspec.convert(data, _Record)


def _of_output(output: CrewOutput) -> dict[str, Any]:
    tasks = [
        {**task.model_dump(exclude={"pydantic"}), "pydantic": _fields(task.pydantic)} for task in output.tasks_output
    ]
    fields = _fields(output.pydantic)
    return {"raw": output.raw, "json_dict": output.json_dict, "pydantic": fields, "tasks_output": tasks}


def recorded_charges(charges: Iterable[Charge]) -> tuple[RecordedCharge, ...]:
    """Return what is kept of a run's calls: a sum for each task, agent and model."""
    groups: dict[tuple[int | None, str, str], list[Charge]] = {}
    for charge in charges:
        groups.setdefault((charge.task, charge.agent, charge.model), []).append(charge)
    return tuple([_together(*key, tuple(of_one)) for key, of_one in groups.items()])


def _together(task: int | None, agent: str, model: str, charges: tuple[Charge, ...]) -> RecordedCharge:
    spent = Spent(charges)
    tokens = spent.token_usage
    usage = Usage(
        prompt_tokens=tokens.prompt_tokens,
        completion_tokens=tokens.completion_tokens,
        cached_prompt_tokens=tokens.cached_prompt_tokens,
        cache_creation_tokens=tokens.cache_creation_tokens,
        reasoning_tokens=tokens.reasoning_tokens,
    )
    return RecordedCharge(task, agent, model, spent.calls, usage, spent.cost_usd)


def _fields(instance: BaseModel | None) -> dict[str, Any] | None:
    # Not what is computed: a class would not take it back.
    return None if instance is None else instance.model_dump(mode="json", round_trip=True)


def _to_output(kept: dict[str, Any]) -> dict[str, Any]:
    tasks = kept.get("tasks_output")
    if isinstance(tasks, list):
        kept = {**kept, "tasks_output": [_with_fields(task) for task in cast("list[Any]", tasks)]}
    return _with_fields(kept)


def _with_fields(output: Any) -> Any:
    kept = cast("dict[str, Any]", output if isinstance(output, dict) else {})
    fields = kept.get("pydantic")
    return cast("object", output) if fields is None else {**kept, "pydantic": RecordedFields.model_validate(fields)}


def error_record(error: BaseException) -> ErrorRecord:
    """Return what is kept of an error; of one that is not aiocrew's own its class's name and its text."""
    if not isinstance(error, AiocrewError):
        return ErrorRecord("AiocrewError", f"{type(error).__name__}: {error}")
    kind = next(cls.__name__ for cls in type(error).__mro__ if _OWN.get(cls.__name__) is cls)
    fields = {name: _plain(value) for name, value in vars(error).items() if name not in _IN_EVERY_ERROR}
    return ErrorRecord(kind, error.message, error.at, fields, tuple(error_record(other) for other in error.others))


def recorded_error(record: ErrorRecord) -> AiocrewError:
    """Return the error of which `record` was kept, without its cause."""
    cls = _OWN.get(record.kind, AiocrewError)
    # Not through __init__, which takes other keywords in every class.
    error = cls.__new__(cls, record.message)
    error.args = (record.message,)
    fields = {name: _frozen(value) for name, value in record.fields.items()}
    others = tuple(recorded_error(other) for other in record.others)
    vars(error).update(fields, message=record.message, at=record.at, others=others)
    return error


def _frozen(value: Any) -> Any:
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Return what JSON holds of an error's field; of anything else nothing is left."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in cast("list[Any]", value)]
        return [item for item in items if item is not None]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in cast("dict[Any, Any]", value).items()}
    return None
