"""Where CrewAI keeps Process."""

from __future__ import annotations

from aiocrew import Process

__all__ = ["Process"]
