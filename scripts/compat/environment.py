"""Makes what the tests run in: their unpacked files, and an interpreter that has what they import."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from scripts.peer_source import fetch

__all__ = ["PROJECT", "child_environment", "interpreter", "unpack"]

PROJECT = Path(__file__).resolve().parents[2]

_PLACE = PROJECT / ".venvs" / "compat"
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def unpack(folder: Path) -> None:
    """Leave CrewAI's `tests` in `folder`."""
    with tarfile.open(fileobj=io.BytesIO(fetch())) as archive:
        for member in archive.getmembers():
            member.name = member.name.partition("/")[2]
            if member.name.startswith("tests/"):
                archive.extract(member, folder, filter="data")


def interpreter() -> Path:
    """Return a Python with what uv.lock says and what the tests import; quick when it is there already."""
    python, stamp, wanted = _PLACE / "bin" / "python", _PLACE / ".as-locked", _wanted()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print("making .venvs/compat", file=sys.stderr)
    stamp.unlink(missing_ok=True)
    uv = str(PROJECT / ".tools" / "bin" / "uv")
    sync = [uv, "sync", "--quiet", "--frozen", "--no-python-downloads", "--python", sys.executable]
    subprocess.run(sync, check=True, cwd=PROJECT, env=os.environ | {"UV_PROJECT_ENVIRONMENT": str(_PLACE)})
    install = [uv, "pip", "install", "--quiet", "--python", str(python), "--no-deps", "-r", str(_REQUIREMENTS)]
    subprocess.run(install, check=True, cwd=PROJECT)
    stamp.write_text(wanted)
    return python


def _wanted() -> str:
    """Return what the environment depends on: its place, the interpreter, and what is to be installed."""
    digest = hashlib.sha256()
    for file in (PROJECT / "uv.lock", PROJECT / "pyproject.toml", PROJECT / "compat" / "pyproject.toml", _REQUIREMENTS):
        digest.update(file.read_bytes())
    return f"{_PLACE}\n{sys.version}\n{digest.hexdigest()}\n"


def child_environment(folder: Path) -> dict[str, str]:
    """Return the variables for a process that runs tests unpacked in `folder`: no key, proxy or home of the user's."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "PATH", "TMPDIR") if name in os.environ}
    # The project's root is there for the plugin; compat/src stands before it, or `crewai` would be looked for in vain.
    paths = [PROJECT / "compat" / "src", PROJECT / "src", PROJECT]
    return kept | {
        "HOME": str(folder),
        "OPENAI_API_KEY": "fake",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "OTEL_SDK_DISABLED": "true",
    }
