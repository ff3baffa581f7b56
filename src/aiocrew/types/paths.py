"""The logical path of a step: its identity in events, recordings and replays.

A path such as `run/task-0/turn-1/tool-0` says where in the crew a step stands, never when it happened to arrive: a
replay that finishes its calls in another order meets the same paths.
"""

from __future__ import annotations

from typing import NewType

__all__ = ["ROOT", "Path", "child", "path_order"]

Path = NewType("Path", str)

ROOT = Path("run")


def child(path: Path, segment: str) -> Path:
    """Return the path of `segment` under `path`."""
    return Path(f"{path}/{segment}")


def path_order(path: Path) -> tuple[tuple[str, int], ...]:
    """Return a sort key that puts task-10 after task-2."""
    return tuple(_segment_order(segment) for segment in path.split("/"))


def _segment_order(segment: str) -> tuple[str, int]:
    name, _, number = segment.rpartition("-")
    return (name, int(number)) if number.isdigit() else (segment, -1)
