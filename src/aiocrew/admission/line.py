"""In which order calls have their turn: tenants share, the runs of a tenant take turns. Pure."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Hashable, Iterator

from aiocrew.admission.call import Call

__all__ = ["Line"]

_FEW = 64
_BY_TAG = 2


class _Flow:
    """The waiting calls of one tenant and priority, by run."""

    __slots__ = ("queued", "runs", "tag", "weight")

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.tag = 0.0
        """The virtual time at which its next call starts."""
        self.runs: OrderedDict[Hashable, list[Call]] = OrderedDict()  # short ones: a deque is ten times as large
        self.queued = False


class Line:
    """Start-time fair queueing (Goyal, Vin and Cheng, 1996) between flows, round robin between the runs of each.

    A flow's share is 2 ** priority; a flow that was away does not save up turns. So a tenant with one call waits for at
    most one call of each other tenant, however many those have.
    """

    __slots__ = ("_count", "_flows", "_heap", "_now", "_pushed")

    def __init__(self) -> None:
        self._flows: dict[tuple[str, int], _Flow] = {}
        self._heap: list[tuple[float, int, _Flow]] = []
        self._now = 0.0
        self._pushed = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Call]:
        return (call for flow in self._flows.values() for calls in flow.runs.values() for call in calls)

    def push(self, call: Call) -> None:
        """Add a call: behind its run's others, or before them where it comes `again`."""
        flow = self._flows.get(call.flow)
        if flow is None:
            self._forget_idle()
            flow = self._flows[call.flow] = _Flow(2.0 ** call.flow[1])
        if not flow.queued:
            flow.tag = max(flow.tag, self._now)
            self._queue(flow)
        calls = flow.runs.get(call.run)
        if calls is None:
            calls = flow.runs[call.run] = []
        if call.again:
            calls.insert(0, call)
            flow.runs.move_to_end(call.run, last=False)
        else:
            calls.append(call)
        self._count += 1

    def pop(self) -> Call:
        """Take out the call whose turn it is. LookupError when nobody waits."""
        while True:
            if not self._heap:
                raise LookupError("nobody waits")
            flow = self._heap[0][_BY_TAG]
            if flow.runs:
                break
            heapq.heappop(self._heap)
            flow.queued = False
        self._now = max(self._now, flow.tag)
        run, calls = next(iter(flow.runs.items()))
        call = calls.pop(0)
        if calls:
            flow.runs.move_to_end(run)
        else:
            del flow.runs[run]
        flow.tag += 1.0 / flow.weight
        heapq.heapreplace(self._heap, self._entry(flow))
        self._one_less()
        return call

    def give_back(self, call: Call) -> None:
        """Put a call that was taken out, and did not come, back to where it was."""
        flow = self._flows.get(call.flow)
        if flow is not None:
            flow.tag -= 1.0 / flow.weight  # takes effect when it is queued the next time
        again, call.again = call.again, True
        self.push(call)
        call.again = again

    def remove(self, call: Call) -> None:
        """Take out a call that no longer waits."""
        flow = self._flows[call.flow]
        calls = flow.runs[call.run]
        calls.remove(call)
        if not calls:
            del flow.runs[call.run]
        self._one_less()

    def _one_less(self) -> None:
        self._count -= 1
        if not self._count and len(self._flows) > _FEW:
            # Nobody waits, so nobody is owed a turn; and tenants of one call each would pile up.
            self._flows.clear()
            self._heap.clear()

    def _queue(self, flow: _Flow) -> None:
        flow.queued = True
        heapq.heappush(self._heap, self._entry(flow))

    def _entry(self, flow: _Flow) -> tuple[float, int, _Flow]:
        self._pushed += 1
        return flow.tag, self._pushed, flow

    def _forget_idle(self) -> None:
        if len(self._flows) < _FEW + 2 * len(self._heap):
            return
        self._flows = {key: flow for key, flow in self._flows.items() if flow.queued or flow.tag > self._now}
