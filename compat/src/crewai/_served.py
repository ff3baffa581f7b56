"""What both import names need: that the real ones are not there, and a clear word about what is not built."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

__all__ = ["no_such_name", "refuse_missing_modules", "require_alone"]

SERVED = ("crewai", "crewai_tools")


def require_alone(distribution: str) -> None:
    """Raise ImportError if the real `distribution` is installed too: its files and ours have the same names."""
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return
    raise ImportError(
        f"{distribution} {version} and aiocrew-as-crewai are both installed, and both provide the import name "
        f"{distribution.replace('-', '_')!r}. To run on aiocrew: pip uninstall {distribution}, then "
        f"pip install --force-reinstall --no-deps aiocrew-as-crewai. To run on CrewAI: "
        f"pip uninstall aiocrew-as-crewai, then pip install --force-reinstall --no-deps {distribution}."
    )


def _message(name: str) -> str:
    return (
        f"{name} is not there: 'crewai' is served by aiocrew-as-crewai, and aiocrew does not have this part of "
        f"CrewAI's API yet"
    )


def no_such_name(module: str, name: str) -> NoReturn:
    """Raise the AttributeError for a name that is not re-exported."""
    raise AttributeError(_message(f"{module}.{name}"))


class _MissingModules:
    """The last finder to be asked: what reaches it under the served names was found by none."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # Python asks it for `from crewai import Flow` too, and drops an error that bears the module's name.
        if fullname.startswith(tuple(f"{name}." for name in SERVED)):
            raise ModuleNotFoundError(_message(fullname))
        return None


def refuse_missing_modules() -> None:
    """Have imports below the served names that find nothing say why; a second call changes nothing."""
    if _MissingModules not in sys.meta_path:
        sys.meta_path.append(_MissingModules)
