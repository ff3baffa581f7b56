"""A command before a program: all that stands behind the program's name is the program's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

__all__ = ["ProgramCommand"]

_END = "--"


class ProgramCommand(TyperCommand):
    """Reads options up to a script, or to `-m MODULE`, as Python's own command line does."""

    allow_interspersed_args = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        takes_value = {
            name
            for parameter in self.params
            if not getattr(parameter, "is_flag", False)
            for name in parameter.opts
            if name.startswith("-")
        }
        return super().parse_args(ctx, _ended_behind_module(args, takes_value - {"--help"}))


def _ended_behind_module(arguments: Sequence[str], takes_value: set[str]) -> list[str]:
    """Return `arguments` with a mark of the options' end behind `-m MODULE`, where that comes before any script."""
    place = 0
    while place < len(arguments) and arguments[place].startswith("-") and arguments[place] != _END:
        option = arguments[place]
        place += 2 if option in takes_value else 1
        names_module = option.startswith(("-m", "--module=")) or option == "--module"
        if names_module and place <= len(arguments):
            return [*arguments[:place], _END, *arguments[place:]]
    return list(arguments)
