"""Where a project's configuration comes from: a YAML file beside its class, or a dict."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from aiocrew.errors import BlueprintError
from aiocrew.project.places import Loaded, Places

__all__ = ["ConfigSource", "folder_of", "is_source", "load_source"]

ConfigSource: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | None
"""A path, absolute or relative to the file of the class; or the entries themselves; None is no configuration."""


def is_source(value: Any) -> bool:
    """Return whether `value` says where a configuration is."""
    return isinstance(value, str | os.PathLike | Mapping | None)


def load_source(project: object, attribute: str, source: ConfigSource) -> Loaded:
    """Return the configuration that the class of `project` names in `attribute`.

    Raises BlueprintError, which names the file, when it is not there, cannot be read or is no YAML.
    """
    owner = f"{type(project).__name__}.{attribute}"
    if source is None:
        raise BlueprintError(f"{owner} is None: give it the path of a YAML file, or a dict")
    if isinstance(source, Mapping):
        return Loaded(source, Places(owner, {}))
    path = _file(type(project), Path(source))
    return _read(path, owner)


def folder_of(cls: type) -> Path:
    """Return the folder of the file in which `cls` is written; the working folder where there is none."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    return Path(file).absolute().parent if file else Path.cwd()


def _file(cls: type, path: Path) -> Path:
    """Return the file at `path`, seen from the class, else from the first class above that has it."""
    if path.is_absolute():
        return path
    folders = [Path(vars(base)["base_directory"]) for base in cls.__mro__ if "base_directory" in vars(base)]
    files = [folder / path for folder in folders]
    return next((file for file in files if file.is_file()), files[0] if files else path)


def _read(path: Path, owner: str) -> Loaded:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BlueprintError(f"there is no file {path}, which {owner} names: write it, or set {owner}") from error
    except OSError as error:
        raise BlueprintError(f"{path}, which {owner} names, cannot be read: {error.strerror or error}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BlueprintError(f"{path}:{line}: this is not UTF-8: save the file in that encoding") from error
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> Loaded:
    try:
        # Here, because PyYAML is an extra, and who writes no YAML need not have it.
        from aiocrew.project.yaml_text import parse_yaml
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "yaml":
            raise
        raise BlueprintError(f'reading {path} needs PyYAML: pip install "aiocrew[yaml]"') from error
    return parse_yaml(text, str(path))
