"""What all modules here need: that the real CrewAI is not there, and a plain word about what is not served."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from crewai._absent import advice

__all__ = ["require_alone", "serve"]

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


def serve(name: str, later: Mapping[str, str] | None = None) -> None:
    """Have the module `name` say, of a name that it lacks, that it is not served and what to use instead.

    `later` maps names to the modules that they are fetched from when somebody first asks for them.
    """
    homes = dict(later or {})
    module = sys.modules[name]

    def absent_or_later(wanted: str) -> Any:
        if wanted in homes:
            value = module.__dict__[wanted] = getattr(importlib.import_module(homes[wanted]), wanted)
            return value
        raise AttributeError(_message(f"{name}.{wanted}"))

    module.__dict__["__getattr__"] = absent_or_later
    module.__dict__["__dir__"] = lambda: sorted({*module.__dict__, *homes})
    # With a path, Python looks below the module too for `from crewai.llm import Nothing`; there _MissingModules
    # answers. Without one, the import statement would replace our words by its own.
    module.__dict__.setdefault("__path__", [])
    if _MissingModules not in sys.meta_path:
        sys.meta_path.append(_MissingModules)


class _MissingModules:
    """The last finder to be asked: what reaches it under the served names was found by none."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # Python asks it for `from crewai import Pipeline` too, and drops an error that bears the module's name.
        if fullname.startswith(tuple(f"{name}." for name in SERVED)):
            raise ModuleNotFoundError(_message(fullname))
        return None


def _message(name: str) -> str:
    served = name.partition(".")[0]
    near = _nearest(name)
    hint = f" Did you mean {near}?" if near else ""
    return f"{name} is not there: {served!r} is served by aiocrew-as-crewai, and {advice(name)}{hint}"


def _nearest(name: str) -> str:
    """Return the served name that `name` differs from by a slip of the hand; "" without one."""
    owner, _, wanted = name.rpartition(".")
    module = sys.modules.get(owner)
    if module is None:
        return ""
    modules = [found.name for found in pkgutil.iter_modules(module.__path__) if not found.name.startswith("_")]
    # Strictly: CrewAI's tools have names that are much alike, and another tool is no slip.
    return next(iter(difflib.get_close_matches(wanted, [*module.__dict__.get("__all__", ()), *modules], 1, 0.9)), "")
