"""How a crew's tasks are led."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Process"]


class Process(StrEnum):
    """sequential: each task by its own agent, in their order, async ones beside it.

    hierarchical: each task by a manager, who has the agents work on it.
    """

    sequential = "sequential"
    hierarchical = "hierarchical"
