"""Where CrewAI keeps OutputFormat."""

from __future__ import annotations

from aiocrew import OutputFormat

__all__ = ["OutputFormat"]
