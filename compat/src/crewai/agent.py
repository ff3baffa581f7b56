"""Where CrewAI keeps Agent."""

from __future__ import annotations

from aiocrew import Agent

__all__ = ["Agent"]
