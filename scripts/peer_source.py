"""Fetches the source distribution of crewai 0.80.0, which holds its tests and what models answered in them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

__all__ = ["fetch"]

SDIST = "crewai-0.80.0.tar.gz"
SHA256 = "8fc10f8a0344349f5fcc431fcdd03dcb033704d402d67f9b145a6d9d099d8e42"


def fetch() -> bytes:
    """Return the source distribution, from the cache if it is there."""
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aiocrew" / SDIST
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        # By the pip that `make setup` left there: it asks whichever index this machine is set up for.
        pip = [str(Path(__file__).resolve().parent.parent / ".tools/bin/python"), "-m", "pip", "--quiet"]
        what = ["--no-deps", "--no-binary", ":all:", "--dest", str(cached.parent), "crewai==0.80.0"]
        subprocess.run([*pip, "download", *what], check=True)
    content = cached.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        cached.unlink()
        raise SystemExit(f"{SDIST} is not the file that it was")
    return content
