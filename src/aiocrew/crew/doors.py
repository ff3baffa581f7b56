"""A word to those who override what a kickoff of CrewAI goes through, and one of aiocrew does not."""

from __future__ import annotations

import warnings

from aiocrew.types.blueprint import AiocrewWarning

__all__ = ["warn_of_passed_doors"]

_DOORS = frozenset({"execute_task", "aexecute_task", "execute_sync", "aexecute_sync", "execute_async", "_execute_core"})
_warned: set[type] = set()


def warn_of_passed_doors(kind: type, base: type) -> None:
    """Warn, once for each class, where `kind` overrides a door of `base` that no run passes."""
    if kind in _warned:
        return
    _warned.add(kind)
    own = kind.__mro__[: kind.__mro__.index(base)]
    overridden = sorted({name for cls in own for name in vars(cls).keys() & _DOORS})
    if overridden:
        warnings.warn(
            f"{kind.__name__} overrides {', '.join(overridden)}, which a kickoff does not call: it is a door of its "
            "own onto the same work. To look at an answer, or to ask for another one, give the task a guardrail",
            AiocrewWarning,
            stacklevel=4,
        )
