"""What a run leaves behind: the outputs of its tasks and of the crew, or why there are none."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal, NoReturn, Protocol, Self, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from aiocrew.errors import BatchError, UsageError
from aiocrew.types.spending import Accounted, Charge, Costing, Spent, charges_of, spent_by_task
from aiocrew.types.unvalidated import filled
from aiocrew.types.usage import UsageMetrics

__all__ = [
    "Costing",
    "CrewOutput",
    "FailedRun",
    "LiteAgentOutput",
    "Outcome",
    "Outcomes",
    "OutputFormat",
    "Status",
    "TaskOutput",
    "WithOutput",
]


_COSTING = "_costing"
_GIVEN_BY_ANSWER = frozenset({"description", "name", "expected_output", "raw", "agent"})
_GIVEN_BY_RUN = frozenset(
    {"raw", "json_dict", "tasks_output", "token_usage", "index", "inputs", "duration_s", "attempts"}
)
_PLACE = "_place"
_TASKS = "_tasks"


class _Tasks(tuple[object, ...]):
    """The blueprints behind an output, which hold models, locks, functions: they go into no pickle, and into no copy
    as copies.
    """

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[type[_Tasks], tuple[()]]:
        return _Tasks, ()


T_co = TypeVar("T_co", covariant=True)


class WithOutput(Protocol[T_co]):
    """A task, as far as the type of its output goes: str where it gives plain text."""

    @property
    def output_pydantic(self) -> type[T_co] | None: ...

    @property
    def response_model(self) -> type[T_co] | None: ...


Status: TypeAlias = Literal["ok", "failed", "cancelled", "skipped"]


class OutputFormat(StrEnum):
    """How a task's output is to be read."""

    RAW = "raw"
    JSON = "json"
    PYDANTIC = "pydantic"


def _text(raw: str, pydantic: BaseModel | None, json_dict: dict[str, Any] | None) -> str:
    if pydantic is not None:
        return str(pydantic)
    return str(json_dict) if json_dict is not None else raw


def _summary(data: dict[str, Any]) -> str:
    return _beginning(data.get("description", ""))


def _beginning(description: str) -> str:
    return " ".join(description.split(maxsplit=10)[:10]) + "..."


class TaskOutput(BaseModel):
    """The output of one task."""

    description: str
    name: str | None = None
    expected_output: str | None = None
    summary: str | None = Field(default_factory=_summary)
    raw: str = ""
    pydantic: BaseModel | None = None
    json_dict: dict[str, Any] | None = None
    agent: str
    output_format: OutputFormat = OutputFormat.RAW

    @classmethod
    def of_answer(
        cls, raw: str, *, description: str, expected_output: str, agent: str, name: str | None = None
    ) -> TaskOutput:
        """Return what validating these fields gives, at a fifth of the cost; they are not looked at."""
        fields = {
            "description": description,
            "name": name,
            "expected_output": expected_output,
            "summary": _beginning(description),
            "raw": raw,
            "pydantic": None,
            "json_dict": None,
            "agent": agent,
            "output_format": OutputFormat.RAW,
        }
        return filled(cls, fields, set(_GIVEN_BY_ANSWER))

    @property
    def spent(self) -> Spent | None:
        """What the task's model calls used and cost; None as long as its crew's run has not ended."""
        place: tuple[Costing, int] | None = vars(self).get(_PLACE)
        if place is None:
            return None
        costing, number = place
        return spent_by_task(charges_of(costing), number + 1)[number]

    @property
    def json(self) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The output as JSON text; ValueError when the task was not asked for JSON."""
        if self.output_format is not OutputFormat.JSON:
            name = self.name or self.description
            raise ValueError(f"task {name!r} has no JSON output: give it output_json=YourModel")
        return json.dumps(self.json_dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the structured output as a dict; empty when there is none."""
        if self.json_dict is not None:
            return dict(self.json_dict)
        return self.pydantic.model_dump() if self.pydantic is not None else {}

    def __str__(self) -> str:
        return _text(self.raw, self.pydantic, self.json_dict)


class LiteAgentOutput(Accounted, BaseModel):
    """What an agent that was kicked off by itself gives."""

    raw: str = ""
    pydantic: BaseModel | None = None
    agent_role: str = ""
    usage_metrics: dict[str, Any] | None = None
    messages: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    """The conversation, as {"role", "content"}."""

    @property
    def cost_usd(self) -> float | None:
        """What the run's model calls cost, in dollars; None where the price of one of them is not known."""
        costing: Costing | None = vars(self).get(_COSTING)
        return None if costing is None else costing()

    def costed(self, costing: Costing) -> Self:
        """Set what tells the cost; return this output."""
        vars(self)[_COSTING] = costing
        return self

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The model calls, each with what it used and cost."""
        return charges_of(vars(self).get(_COSTING))

    def to_dict(self) -> dict[str, Any]:
        """Return the structured output as a dict; empty when there is none."""
        return {} if self.pydantic is None else self.pydantic.model_dump()

    def __str__(self) -> str:
        return _text(self.raw, self.pydantic, None)


class CrewOutput(Accounted, BaseModel):
    """The output of one run: that of its last task, with all tasks' outputs and the run's own token usage."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    raw: str = ""
    pydantic: BaseModel | None = None
    json_dict: dict[str, Any] | None = None
    tasks_output: list[TaskOutput] = Field(default_factory=list[TaskOutput])
    token_usage: UsageMetrics = Field(default_factory=UsageMetrics)
    index: int = 0
    """Position among the inputs of a batch."""
    inputs: dict[str, Any] | None = None
    duration_s: float = 0.0
    attempts: int = 1
    """How often the input was run, over all calls with the same journal."""

    ok: ClassVar[Literal[True]] = True
    status: ClassVar[Status] = "ok"
    error: ClassVar[None] = None

    @classmethod
    def of_run(
        cls,
        last: TaskOutput,
        tasks_output: Iterable[TaskOutput],
        *,
        token_usage: UsageMetrics,
        index: int,
        inputs: Mapping[str, Any] | None,
        duration_s: float,
        attempts: int,
    ) -> CrewOutput:
        """Return an output that says what `last` says: what validating it gives, at a fifth of the cost.

        As there, lists and dicts are copied; nothing else is looked at.
        """
        fields = {
            "raw": last.raw,
            "pydantic": last.pydantic,
            "json_dict": None if last.json_dict is None else dict(last.json_dict),
            "tasks_output": list(tasks_output),
            "token_usage": token_usage,
            "index": index,
            "inputs": None if inputs is None else dict(inputs),
            "duration_s": duration_s,
            "attempts": attempts,
        }
        return filled(cls, fields, set(_GIVEN_BY_RUN))

    @property
    def cost_usd(self) -> float | None:
        """What the run's model calls cost, in dollars; None where the price of one of them is not known.

        The first time it may have to load the price list of the extra `cost`.
        """
        costing: Costing | None = vars(self).get(_COSTING)
        return None if costing is None else costing()

    def costed(self, costing: Costing) -> Self:
        """Set what tells the cost; return this output."""
        # No field, and no private attribute: those cost as much as half of the rest of an output.
        vars(self)[_COSTING] = costing
        for number, output in enumerate(self.tasks_output):
            vars(output)[_PLACE] = costing, number
        return self

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The model calls, each with what it used and cost."""
        return charges_of(vars(self).get(_COSTING))

    @property
    def usage_by_task(self) -> list[Spent]:
        """What each task's calls used and cost, in the order of `tasks_output`; what it handed on is in it."""
        return spent_by_task(self.charges, len(self.tasks_output))

    def of_tasks(self, tasks: Iterable[object]) -> Self:
        """Set the tasks that `tasks_output` belongs to; return this output."""
        vars(self)[_TASKS] = _Tasks(tasks)
        return self

    def of(self, task: WithOutput[T_co]) -> T_co:
        """Return what `task` gave: an instance of its output_pydantic or response_model, or its text.

        Raises UsageError for a task that is none of the crew's, and for one that was skipped and so has no instance.
        """
        tasks: tuple[object, ...] = vars(self).get(_TASKS, ())
        place = next((number for number, known in enumerate(tasks) if known is task), None)
        if place is None:
            raise UsageError(
                "this output knows nothing of that task: give the very Task object that stands in the crew's tasks "
                "(an output that was pickled has only its tasks_output)"
            )
        output = self.tasks_output[place]
        cls: type[T_co] | None = task.output_pydantic or task.response_model
        if cls is None:
            return cast("T_co", output.raw)
        if not isinstance(output.pydantic, cls):
            raise UsageError(f"task {output.name or output.description!r} was skipped: it has no {cls.__name__}")
        return output.pydantic

    @property
    def json(self) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The last task's output as JSON text; ValueError when it was not asked for JSON."""
        if self.json_dict is None:
            raise ValueError("the last task has no JSON output: give it output_json=YourModel")
        return json.dumps(self.json_dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the structured output as a dict; empty when there is none."""
        if self.json_dict is not None:
            return dict(self.json_dict)
        return self.pydantic.model_dump() if self.pydantic is not None else {}

    def __getitem__(self, key: str) -> Any:
        if self.pydantic is not None and hasattr(self.pydantic, key):
            return getattr(self.pydantic, key)
        if self.json_dict is not None and key in self.json_dict:
            return self.json_dict[key]
        raise KeyError(f"{key!r}: the output has no such field; .raw holds its text")

    def __str__(self) -> str:
        return _text(self.raw, self.pydantic, self.json_dict)


class FailedRun(Accounted):
    """One input's run that gave no output: `error` says why. Reading what it does not have raises that error."""

    ok: ClassVar[Literal[False]] = False

    def __init__(
        self,
        *,
        error: BaseException,
        status: Status,
        index: int = 0,
        inputs: Mapping[str, Any] | None = None,
        duration_s: float = 0.0,
        token_usage: UsageMetrics | None = None,
        attempts: int = 1,
        costing: Costing | None = None,
    ) -> None:
        self.error = error
        self.status: Status = status
        self.index = index
        self.inputs = None if inputs is None else dict(inputs)
        self.duration_s = duration_s
        self.token_usage = token_usage or UsageMetrics()
        self.attempts = attempts
        self._costing = costing

    @property
    def cost_usd(self) -> float | None:
        """What the run's model calls cost until it failed, in dollars; None where a price is not known."""
        return None if self._costing is None else self._costing()

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The model calls, each with what it used and cost."""
        return charges_of(self._costing)

    @property
    def usage_by_task(self) -> list[Spent]:
        """What each task's calls used and cost until the run failed, as far as the last task that made one."""
        return spent_by_task(self.charges)

    def _raise(self) -> NoReturn:
        raise self.error

    @property
    def raw(self) -> str:
        self._raise()

    @property
    def pydantic(self) -> BaseModel | None:
        self._raise()

    @property
    def json_dict(self) -> dict[str, Any] | None:
        self._raise()

    @property
    def json(self) -> str | None:
        self._raise()

    @property
    def tasks_output(self) -> list[TaskOutput]:
        self._raise()

    def to_dict(self) -> dict[str, Any]:
        self._raise()

    def of(self, task: WithOutput[T_co]) -> T_co:
        self._raise()

    def __getitem__(self, key: str) -> Any:
        self._raise()

    def __repr__(self) -> str:
        return f"FailedRun(index={self.index}, status={self.status!r}, error={self.error!r})"

    def __str__(self) -> str:
        return f"{self.status}: {self.error}"


Outcome: TypeAlias = CrewOutput | FailedRun


class Outcomes(Accounted, list[Outcome]):
    """The outcomes of a batch, in the order of its inputs."""

    @property
    def succeeded(self) -> list[CrewOutput]:
        return [outcome for outcome in self if isinstance(outcome, CrewOutput)]

    @property
    def failed(self) -> list[FailedRun]:
        return [outcome for outcome in self if isinstance(outcome, FailedRun)]

    @property
    def token_usage(self) -> UsageMetrics:
        """The sum over all inputs, failed ones included."""
        return _sum(outcome.token_usage for outcome in self)

    @property
    def cost_usd(self) -> float | None:
        """The sum over all inputs, in dollars; None where the cost of one of them is not known."""
        costs = [outcome.cost_usd for outcome in self]
        known = [cost for cost in costs if cost is not None]
        return math.fsum(known) if len(known) == len(costs) else None

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The model calls, each with what it used and cost."""
        return tuple([charge for outcome in self for charge in outcome.charges])

    def raise_for_failures(self) -> None:
        """Raise BatchError if any input failed; its cause is the first failure's error."""
        failures = tuple(self.failed)
        if failures:
            first = failures[0]
            raise BatchError(
                f"{len(failures)} of {len(self)} inputs failed; the first, input {first.index}: {first.error}",
                failures=failures,
            ) from first.error


def _sum(usages: Iterable[UsageMetrics]) -> UsageMetrics:
    total = UsageMetrics()
    for usage in usages:
        total.add_usage_metrics(usage)
    return total
