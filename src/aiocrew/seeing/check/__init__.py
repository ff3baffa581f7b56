"""The static checker: faults that keep crews from running side by side, read off the source without running it."""

from __future__ import annotations

from aiocrew.seeing.check.files import check_paths
from aiocrew.seeing.check.finding import Finding
from aiocrew.seeing.check.text import check_text

__all__ = ["Finding", "check_paths", "check_text"]
