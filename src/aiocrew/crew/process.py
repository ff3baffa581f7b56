"""How a crew's tasks are led."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Process"]


class Process(StrEnum):
    """sequential: the tasks in their order, async ones beside it. hierarchical is not built yet."""

    sequential = "sequential"
    hierarchical = "hierarchical"
