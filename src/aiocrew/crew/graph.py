"""Which task waits for which, and whose outputs it sees. Pure: by position, never by timing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

__all__ = ["Frontier", "Node", "Shape", "is_chain", "task_graph"]


class Shape(msgspec.Struct, frozen=True, gc=False):
    """What the graph needs to know of a task. `context` holds positions; None means that it was not given."""

    is_async: bool = False
    context: tuple[int, ...] | None = None
    waits_for_all: bool = False
    """It starts when all earlier tasks have ended, whatever it sees of them."""


class Node(msgspec.Struct, frozen=True, gc=False):
    waits: frozenset[int]
    """Tasks that must have ended before this one starts."""
    sees: tuple[int, ...]
    """Tasks whose outputs are this one's context, in the order in which it is told them; all of them in `waits`."""


@lru_cache(maxsize=1024)
def task_graph(shapes: tuple[Shape, ...]) -> tuple[Node, ...]:
    """Return each task's node.

    Synchronous tasks keep their order. Without a context a synchronous task waits for and sees every earlier task; an
    async one sees the earlier synchronous tasks and the async ones that these have joined. With a context a task sees
    just that, and waits for no async task that it does not name. Raises ValueError for a context that names the task
    itself or a later one.
    """
    nodes: list[Node] = []
    synchronous: list[int] = []
    joined: set[int] = set()
    for position, shape in enumerate(shapes):
        sees = _sees(position, shape, synchronous, joined)
        earlier = range(position) if shape.waits_for_all else synchronous[-1:]
        nodes.append(Node(frozenset((*sees, *earlier)), sees))
        if not shape.is_async:
            synchronous.append(position)
            joined.update(ended for ended in nodes[-1].waits if shapes[ended].is_async)
    return tuple(nodes)


def _sees(position: int, shape: Shape, synchronous: list[int], joined: set[int]) -> tuple[int, ...]:
    if shape.context is not None:
        late = [named for named in shape.context if named >= position]
        if late:
            raise ValueError(f"task {position} has task {late[0]} in its context, which does not come before it")
        return tuple(dict.fromkeys(shape.context))
    if shape.is_async:
        return tuple(sorted({*synchronous, *joined}))
    return tuple(range(position))


def is_chain(nodes: Sequence[Node]) -> bool:
    """Return whether each task waits for the one before it, so that nothing ever goes on beside anything."""
    return all(number in node.waits for number, node in enumerate(nodes[1:]))


class Frontier:
    """Which tasks may start, as others end."""

    __slots__ = ("_missing", "_nodes")

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._missing = [len(node.waits) for node in nodes]

    def first(self) -> list[int]:
        """Return the tasks that wait for none, in order of position."""
        return [number for number, missing in enumerate(self._missing) if not missing]

    def after(self, ended: int) -> list[int]:
        """Return the tasks that may start now that `ended` has ended, in order of position."""
        free: list[int] = []
        for number in range(ended + 1, len(self._nodes)):  # nobody waits for a later one
            if ended in self._nodes[number].waits:
                self._missing[number] -= 1
                if not self._missing[number]:
                    free.append(number)
        return free
