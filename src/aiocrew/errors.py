"""One tree of errors: what went wrong, and who must act.

AiocrewError
├── UsageError                the calling code is wrong: change it
│   ├── BlueprintError        an Agent, Task, Crew or LLM that cannot work as written (also a ValueError)
│   │   ├── MissingInputError     a {placeholder} that the inputs do not fill
│   │   └── MissingKeyError       no API key for the model's provider
│   └── NotBuiltError         a field of CrewAI that aiocrew does not have yet (also a NotImplementedError)
├── ProviderError             a model's provider failed or refused: model, status, retry_after_s
│   ├── RequestRefusedError       never retried: the same request would be refused again
│   │   ├── AuthenticationError       wrong key, or no right to this model
│   │   ├── UnknownModelError         the provider has no such model, or no such address
│   │   └── BadRequestError           the provider rejects the request as it stands
│   │       └── ContextTooLongError       the prompt is longer than the model's context
│   ├── RateLimitError            retried: too many requests or tokens
│   │   └── QuotaExceededError        not retried: the account has nothing left to spend
│   ├── OverloadedError           retried: the provider cannot serve now (5xx)
│   ├── ModelTimeoutError         retried: no reply in time (also a TimeoutError)
│   ├── ModelConnectionError      retried: the connection failed or broke (also a ConnectionError)
│   └── InvalidReplyError         retried: a reply that is not what the wire promises
├── AgentError                the model answered, but the agent cannot go on
│   ├── UnusableReplyError        no usable answer, in spite of repairs
│   ├── ModelRefusedError         the model declined to answer
│   └── GuardrailError            a guardrail rejected every answer; `reason` is what it said last
├── FlowError                 a flow cannot go on: its methods call one another without end, or one of them gave up
├── CallbackError             a callback raised; `callback` names it, `__cause__` is what it raised
├── TaskError                 any other exception while a task ran; `__cause__` is it
├── DeadlineExceededError     a deadline or max_execution_time passed (also a TimeoutError)
├── BudgetExceededError       a call was refused because it might cost more than its budget has left
├── InterruptedToolError      a tool that may not run twice was cut off, and nobody knows whether it took effect
├── JournalError              a journal that cannot be used: damaged, not one of aiocrew's, or not writable
├── BatchError                raise_for_failures() of a batch in which inputs failed; `failures`
└── NotStartedError           the batch ended before this input's turn came

What fails inside a run carries `at`, a Location that names crew, task and agent. When several parts of a run
fail at once, the first in order of path is raised and the others stand in its `others`.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

import msgspec

__all__ = [
    "AgentError",
    "AiocrewError",
    "AuthenticationError",
    "BadRequestError",
    "BatchError",
    "BlueprintError",
    "BudgetExceededError",
    "CallbackError",
    "ContextTooLongError",
    "DeadlineExceededError",
    "FlowError",
    "GuardrailError",
    "InterruptedToolError",
    "InvalidReplyError",
    "JournalError",
    "Location",
    "MissingInputError",
    "MissingKeyError",
    "ModelConnectionError",
    "ModelRefusedError",
    "ModelTimeoutError",
    "NotBuiltError",
    "NotStartedError",
    "OverloadedError",
    "ProviderError",
    "QuotaExceededError",
    "RateLimitError",
    "RequestRefusedError",
    "TaskError",
    "UnknownModelError",
    "UnusableReplyError",
    "UsageError",
]


class Location(msgspec.Struct, frozen=True, gc=False):
    """Where in a run something happened; the parts that are not known are empty."""

    crew: str = ""
    task: str = ""
    agent: str = ""
    flow: str = ""

    def __str__(self) -> str:
        parts = (("flow", self.flow), ("crew", self.crew), ("task", self.task), ("agent", self.agent))
        return ", ".join(f"{kind} {name!r}" for kind, name in parts if name)


class AiocrewError(Exception):
    """The root of everything that aiocrew raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.at: Location | None = None
        self.others: tuple[BaseException, ...] = ()

    def __str__(self) -> str:
        text = self.message if self.at is None else f"{self.message} (in {self.at})"
        return text if not self.others else f"{text} [and {len(self.others)} more]"

    def located(self, at: Location) -> Self:
        """Return this error as it is raised from `at`; one that is located already stays as it is."""
        # A copy, because one exception object may be raised in several runs (a scripted model, a shared tool).
        if self.at is not None:
            return self
        copy = self.copy()
        copy.at = at
        return copy

    def with_others(self, others: tuple[BaseException, ...]) -> Self:
        """Return this error as the first of several that happened at once."""
        copy = self.copy()
        copy.others = others
        return copy

    def copy(self) -> Self:
        """Return an equal error with the same traceback and cause."""
        copy = _rebuild(type(self), self.args, dict(self.__dict__))
        copy.__cause__, copy.__context__ = self.__cause__, self.__context__
        copy.__suppress_context__ = self.__suppress_context__
        return copy.with_traceback(self.__traceback__)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))


E = TypeVar("E", bound="AiocrewError")


def _rebuild(cls: type[E], args: tuple[Any, ...], state: dict[str, Any]) -> E:
    # Not through __init__: subclasses take keywords that a pickle's positional arguments cannot give.
    error = cls.__new__(cls, *args)
    error.args = args  # OSError's subclasses drop what __new__ was given
    error.__dict__.update(state)
    return error


class UsageError(AiocrewError):
    """The calling code is wrong; running it again will not help."""


class BlueprintError(UsageError, ValueError):
    """An Agent, Task, Crew or LLM that cannot work as it is written."""


class MissingInputError(BlueprintError):
    """A {placeholder} stands in a text and the inputs do not fill it."""

    def __init__(self, message: str, *, variable: str) -> None:
        super().__init__(message)
        self.variable = variable


class MissingKeyError(BlueprintError):
    """There is no API key for the model's provider."""

    def __init__(self, message: str, *, variables: tuple[str, ...]) -> None:
        super().__init__(message)
        self.variables = variables


class NotBuiltError(UsageError, NotImplementedError):
    """A field of CrewAI's that aiocrew does not have yet; it is never silently ignored."""


class ProviderError(AiocrewError):
    """The model's provider failed or refused; `status` is the HTTP status, where there was one."""

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.model, self.status, self.retry_after_s, self.request_id = model, status, retry_after_s, request_id


class RequestRefusedError(ProviderError):
    """The provider will refuse the same request again: it is not retried."""


class AuthenticationError(RequestRefusedError):
    """The key is wrong, or has no right to this model (401, 403)."""


class UnknownModelError(RequestRefusedError):
    """The provider knows no such model, or nothing stands at its address (404)."""


class BadRequestError(RequestRefusedError):
    """The provider rejects the request as it stands (400, 413, 422 and their like)."""


class ContextTooLongError(BadRequestError):
    """The prompt is longer than the model's context."""


class RateLimitError(ProviderError):
    """Too many requests or tokens (429)."""


class QuotaExceededError(RateLimitError):
    """The account has nothing left to spend (429 that no waiting cures): it is not retried."""


class OverloadedError(ProviderError):
    """The provider cannot serve now (5xx)."""


class ModelTimeoutError(ProviderError, TimeoutError):
    """The reply did not come within the call's timeout, or the provider gave up on it (408)."""


class ModelConnectionError(ProviderError, ConnectionError):
    """The connection could not be made, or broke before the reply was whole."""


class InvalidReplyError(ProviderError):
    """The reply is not what the wire promises: no JSON, no choice, a broken stream."""


class AgentError(AiocrewError):
    """The model answered, but the agent cannot finish its task with that."""


class UnusableReplyError(AgentError):
    """The model gave no usable answer within the agent's iterations, in spite of corrections."""


class ModelRefusedError(AgentError):
    """The model declined to answer; `refusal` is what it said."""

    def __init__(self, message: str, *, refusal: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class GuardrailError(AgentError):
    """A guardrail rejected the answer more often than guardrail_max_retries; `reason` is what it said last."""

    def __init__(self, message: str, *, guardrail: str, reason: str) -> None:
        super().__init__(message)
        self.guardrail, self.reason = guardrail, reason


class FlowError(AiocrewError):
    """A flow cannot go on: a method ran more often than max_method_calls, or ended the thread or task it ran in."""


class CallbackError(AiocrewError):
    """A user's callback raised; its exception is the cause."""

    def __init__(self, message: str, *, callback: str) -> None:
        super().__init__(message)
        self.callback = callback


class TaskError(AiocrewError):
    """A task failed with an exception that is not aiocrew's own; that is the cause."""


class DeadlineExceededError(AiocrewError, TimeoutError):
    """A deadline or an agent's max_execution_time passed; the call in flight was ended."""

    def __init__(self, message: str, *, limit_s: float) -> None:
        super().__init__(message)
        self.limit_s = limit_s


class BudgetExceededError(AiocrewError):
    """A call was refused before it was sent: it might cost more than its budget has left."""


class InterruptedToolError(AiocrewError):
    """A tool with idempotent=False began in a process that ended before the tool did; it is not run a second time."""

    def __init__(self, message: str, *, tool: str) -> None:
        super().__init__(message)
        self.tool = tool


class JournalError(AiocrewError):
    """A batch's journal cannot be used; the file was left as it is."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class NotStartedError(AiocrewError):
    """The batch ended before this input's turn came; its status is "skipped"."""


class BatchError(AiocrewError):
    """Inputs of a batch failed; `failures` holds their FailedRuns, the first one's error is the cause."""

    def __init__(self, message: str, *, failures: tuple[Any, ...]) -> None:
        super().__init__(message)
        self.failures = failures
