"""Limits on what goes out, shared by all runs of the process."""

from __future__ import annotations

__all__: list[str] = []
