"""A flow: methods that start one another by events, and the doors to its runs."""

from __future__ import annotations

import difflib
import threading
import warnings
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeVar, cast, get_args, get_origin

from aiocrew.agent.chunks import ChunkMaker
from aiocrew.agent.event_stream import EventStream, StreamDoor
from aiocrew.agent.run_frame import checked_inputs, checked_options
from aiocrew.aio.blocking import run_blocking
from aiocrew.aio.door import loop_is_running
from aiocrew.errors import BlueprintError, FlowError, NotBuiltError
from aiocrew.flow.conditions import and_, or_
from aiocrew.flow.decorators import human_feedback, listen, persist, router, start
from aiocrew.flow.instance import show
from aiocrew.flow.plan import FlowPlan, plan_flow
from aiocrew.flow.run import FlowRun, FlowSettings, Record
from aiocrew.flow.state import FlowState, fresh_state, id_of
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.context import RunOptions
from aiocrew.types.spending import Spent, spent_by_agent, spent_by_model
from aiocrew.types.usage import UsageMetrics

if TYPE_CHECKING:
    from aiocrew.flow.streaming import FlowStreamingOutput

__all__ = ["Flow", "FlowState", "and_", "human_feedback", "listen", "or_", "persist", "router", "start"]

T = TypeVar("T")

_OFF = (None, False)
_NOT_BUILT: Mapping[str, tuple[Any, ...]] = {
    "checkpoint": _OFF,
    "checkpoint_completed_methods": (None,),
    "checkpoint_method_counts": (None,),
    "checkpoint_method_outputs": (None,),
    "checkpoint_state": (None,),
    "defer_trace_finalization": _OFF,
    "entity_type": ("flow",),
    "execution_context": (None,),
    "human_feedback_history": (None, []),
    "input_provider": (None,),
    "last_human_feedback": (None,),
    "memory": _OFF,
    "persistence": _OFF,
    "suppress_flow_events": (None, False, True),  # nothing is printed anyway
    "tracing": _OFF,
}
"""CrewAI's fields that are not there yet, each with the values that ask for nothing."""

_NOT_BUILT_METHODS = frozenset(
    [
        *("ask", "chat", "fork", "from_checkpoint", "from_declaration", "from_pending", "handle_turn"),
        *("plot", "recall", "remember", "resume", "resume_async", "stream_events"),
    ]
)


class Flow(Generic[T]):
    """Methods that start one another by events: `class MyFlow(Flow[MyState])`, decorated with @start, @listen, @router.

    One flow may be kicked off any number of times at once. Each run works on a copy of the object, with a state of its
    own: `self` in a method is that copy. It begins with what was set up on the flow: lists, dicts and sets are copied
    for it, however deep; all other objects are shared, as are their attributes. When a run ends, also when it failed,
    the flow shows what the run has left (attributes, `state`, `method_outputs`, `usage_metrics`), for people to read;
    with concurrent runs the last one wins. The next run begins anew: of what is shown it takes only what was changed by
    hand since.

    Plain methods run in threads, async ones on the loop. Methods that run side by side share the run's `self` and
    state: what two of them change at once is theirs to guard.

    initial_state: a pydantic model (its class, or an instance), or a dict; a class attribute or an argument. Without
        it the type in brackets decides, and without that the state is a dict.
    name: for messages and events; the class's own by default.
    max_method_calls: how often one method may run in one kickoff, so that every cycle ends.
    stream: the kickoffs give a FlowStreamingOutput, as CrewAI's do, in place of the output: iterate it for chunks of
        text of all that the flow starts, then ask for its `result`; a class attribute or an argument. A run's events
        are to be had without it: `flow.stream(inputs)`.
    Further arguments are values of the state.
    """

    initial_state: Any = None
    name: str | None = None
    max_method_calls: int = 100

    _plan: ClassVar[FlowPlan] = FlowPlan(())
    _state_kind: ClassVar[Any] = None
    _record: Record | None = None
    _streams: bool = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name in _NOT_BUILT.keys() & vars(cls).keys():
            if not callable(vars(cls)[name]):
                _refuse_unless_inert(cls, name, vars(cls)[name])
        if isinstance(vars(cls).get("stream", ""), bool | None):
            # The setting; the attribute of that name stays the door to a run's events.
            cls._streams = bool(vars(cls)["stream"])
            type.__delattr__(cls, "stream")
        if any(vars(base).get("__slots__") for base in cls.__mro__):
            raise BlueprintError(f"flow {cls.__name__!r} has __slots__, which a run cannot copy: leave them out")
        for base in cls.__dict__.get("__orig_bases__", ()):
            cls._state_kind = _state_kind_of(base) or cls._state_kind
        cls._plan = plan_flow(cls)

    def __init__(
        self,
        *,
        initial_state: Any = None,
        name: str | None = None,
        max_method_calls: int | None = None,
        stream: bool | None = None,
        **others: Any,
    ) -> None:
        """Raises NotBuiltError for a field of CrewAI's that is not there yet, BlueprintError for a state's value."""
        if initial_state is not None:
            self.initial_state = initial_state
        if name is not None:
            self.name = name
        if max_method_calls is not None:
            self.max_method_calls = max_method_calls
        if stream is not None:
            self._streams = bool(stream)
        for field in _NOT_BUILT.keys() & others.keys():
            _refuse_unless_inert(type(self), field, others.pop(field))
        if others:
            self._state = fresh_state(self._kind(), self._called(), others)

    @property
    def state(self) -> T:
        """The state: in a method the run's own, on the flow that of the run that ended last."""
        return cast("T", show(self, lambda: fresh_state(self._kind(), self._called())))

    @property
    def flow_id(self) -> str:
        """The state's id; empty where it has none."""
        return id_of(cast("Any", self.state))

    @property
    def method_outputs(self) -> list[Any]:
        """What the methods gave in the order in which they led to one another; side by side, in that of definition."""
        return [] if self._record is None else self._record.outputs

    @property
    def usage_metrics(self) -> UsageMetrics:
        """The tokens that the run used: those of its crews and agents together."""
        return UsageMetrics() if self._record is None else self._record.usage

    token_usage = usage_metrics

    @property
    def usage_cost_usd(self) -> float | None:
        """What the run's model calls cost, in dollars; None where the price of one of them is not known."""
        return 0.0 if self._record is None else self._record.spending()

    @property
    def usage_by_agent(self) -> dict[str, Spent]:
        """What each agent's calls used and cost, by its role, in all crews of the run."""
        return {} if self._record is None else spent_by_agent(self._record.spending.charges)

    @property
    def usage_by_model(self) -> dict[str, Spent]:
        """What the calls of each model used and cost, by its name."""
        return {} if self._record is None else spent_by_model(self._record.spending.charges)

    @property
    def stream(self) -> StreamDoor[Any]:
        """`flow.stream(inputs)`: the events of one run as they happen, to iterate with `async for`; see EventStream.

        Those of the crews and agents that it kicks off are among them. As a truth value, and set to one, it is
        Flow(stream=...).
        """
        return StreamDoor(self._events_of_run, is_on=self._streams)

    @stream.setter
    def stream(self, is_on: bool) -> None:
        self._streams = bool(is_on)

    def astream(
        self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None
    ) -> FlowStreamingOutput:
        """Return the chunks of one run, with stream=True or without: `async for chunk in flow.astream()`."""
        from aiocrew.flow.streaming import FlowStreamingOutput

        return FlowStreamingOutput(self._run_of(inputs, options), ChunkMaker(), instead="flow.kickoff_async")

    async def kickoff_async(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> Any:
        """Return the last method's output, of one run within the running event loop.

        The last one is that at the end of the longest chain of methods, and among equals the one that is defined last:
        so it does not depend on which of several finished first. `inputs` are values of the state.
        Raises what a method raised, as it is; BlueprintError for inputs that do not fit the state and for a flow that
        nothing starts; FlowError for a cycle past max_method_calls. Cancelling this await ends every method.
        With stream=True it is a FlowStreamingOutput at once, whose run begins when it is iterated.
        """
        if self._streams:
            return self.astream(inputs, options=options)
        return await self._run_of(inputs, options)()

    akickoff = kickoff_async

    def kickoff(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> Any:
        """Return what kickoff_async returns, for code that cannot await.

        Inside a running event loop it works, but blocks that loop, and warns with the line that called it.
        Where it is called by the program itself (in its main thread, outside any loop), a method may end the program by
        `exit()`. Anywhere else that is a FlowError.
        With stream=True it is a FlowStreamingOutput at once, whose run begins when it is iterated.
        """
        if self._streams:
            return self.astream(inputs, options=options)
        try:
            return run_blocking(
                "kickoff", lambda: self.kickoff_async(inputs, options=options), instead="flow.kickoff_async"
            )
        except FlowError as error:
            if isinstance(error.__cause__, SystemExit) and _is_called_by_the_program():
                raise error.__cause__ from None
            raise

    def _run_of(
        self, inputs: Mapping[str, Any] | None, options: RunOptions | None
    ) -> Callable[[], Coroutine[Any, Any, Any]]:
        settings = self._settings()
        _warn_of_what_waits_in_vain(settings)
        checked = checked_inputs(inputs)
        if options is not None:
            checked_options(options)
        # The FlowRun is made where a stream is set up: that decides who reads it.
        return lambda: FlowRun(self, settings, checked, options).carry_out()

    def _events_of_run(self, inputs: Mapping[str, Any] | None, options: RunOptions | None) -> EventStream[Any]:
        return EventStream(self._run_of(inputs, options))

    def _settings(self) -> FlowSettings:
        return FlowSettings(self._called(), self._plan, self._kind(), self.max_method_calls)

    def _called(self) -> str:
        return self.name or type(self).__name__

    def _kind(self) -> Any:
        if self.initial_state is not None:
            return self.initial_state
        return _state_kind_of(getattr(self, "__orig_class__", None)) or self._state_kind

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., NoReturn]:
            if name in _NOT_BUILT_METHODS:
                return partial(_refuse, type(self).__name__, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)


def _is_called_by_the_program() -> bool:
    return threading.current_thread() is threading.main_thread() and not loop_is_running()


def _warn_of_what_waits_in_vain(flow: FlowSettings) -> None:
    for method, event in flow.plan.in_vain:
        near = difflib.get_close_matches(event, [each.name for each in flow.plan.methods], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        text = f"method {method!r} of flow {flow.name!r} waits for {event!r}, but no method or router gives that{hint}"
        warnings.warn(text, AiocrewWarning, stacklevel=4)


def _state_kind_of(base: Any) -> Any:
    """Return what stands in the brackets of `Flow[...]`, or None: where there is nothing, or only a variable."""
    origin, arguments = get_origin(base), get_args(base)
    if not (isinstance(origin, type) and issubclass(origin, Flow) and arguments):
        return None
    kind = arguments[0]
    return kind if kind is not Any and isinstance(get_origin(kind) or kind, type) else None


def _refuse_unless_inert(flow: type, field: str, value: Any) -> None:
    if not any(value is inert or value == inert for inert in _NOT_BUILT[field]):
        raise NotBuiltError(f"{flow.__name__}({field}=...): aiocrew does not have {field!r} yet. Leave it out")


def _refuse(flow: str, method: str, *_: Any, **__: Any) -> NoReturn:
    raise NotBuiltError(f"{flow}.{method}() is not built yet in aiocrew")
