"""The tools of one agent for one run: frozen, named as the wire has it, found however the model writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from aiocrew.tools.base import BaseTool
from aiocrew.tools.form import LONGEST_NAME, ToolForm, form_of
from aiocrew.types.messages import ToolSpec

__all__ = ["Offered", "Toolbox", "extended", "make_toolbox"]


class Offered(msgspec.Struct, frozen=True):
    """A tool as it was when the run was planned: later changes to its settings do not reach the run."""

    tool: BaseTool
    form: ToolForm
    cache_function: Callable[..., Any]
    result_as_answer: bool
    max_usage_count: int | None


class Toolbox(msgspec.Struct, frozen=True):
    """What a model is offered, and the way back from its words to the tool."""

    specs: tuple[ToolSpec, ...]
    offered: dict[str, Offered]
    """By name on the wire; read only."""

    def find(self, name: str) -> BaseTool | None:
        """Return the tool that the model means by `name`: its name on the wire, or its own, however it is spelled."""
        offered = self.look_up(name)
        return None if offered is None else offered.tool

    def look_up(self, name: str) -> Offered | None:
        """Return what `find` finds, with its settings."""
        offered = self.offered.get(name)
        if offered is not None:
            return offered
        by_own_name = (item for item in self.offered.values() if item.form.name == name)
        return next(by_own_name, None) or self._by_letters(name)

    def _by_letters(self, name: str) -> Offered | None:
        letters = _letters(name)
        if not letters:
            return None
        alike = (item for wire, item in self.offered.items() if letters in (_letters(wire), _letters(item.form.name)))
        return next(alike, None)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.removeprefix("functions.")).casefold()


_EMPTY = Toolbox((), {})


def make_toolbox(tools: Sequence[BaseTool]) -> Toolbox:
    """Return the toolbox of `tools`, in their order, each once. BlueprintError for a tool that cannot work."""
    return extended(_EMPTY, tools) if tools else _EMPTY


def extended(toolbox: Toolbox, tools: Sequence[BaseTool]) -> Toolbox:
    """Return `toolbox` with `tools` behind its own. BlueprintError for a tool that cannot work."""
    offered = dict(toolbox.offered)
    specs = list(toolbox.specs)
    for tool in tools:
        form = form_of(tool)
        spec = form.spec
        taken = offered.get(spec.name)
        if taken is not None:
            if any(other.tool is tool for other in offered.values()):
                continue
            spec = msgspec.structs.replace(spec, name=_free_name(spec.name, offered))
        offered[spec.name] = Offered(tool, form, tool.cache_function, tool.result_as_answer, tool.max_usage_count)
        specs.append(spec)
    return Toolbox(tuple(specs), offered)


def _free_name(name: str, taken: Iterable[str]) -> str:
    return next(candidate for candidate in _numbered(name) if candidate not in taken)


def _numbered(name: str) -> Iterator[str]:
    number = 2
    while True:
        end = f"_{number}"
        yield name[: LONGEST_NAME - len(end)] + end
        number += 1
