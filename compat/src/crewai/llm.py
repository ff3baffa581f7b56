"""Where CrewAI keeps LLM."""

from __future__ import annotations

from aiocrew import LLM

__all__ = ["LLM"]
