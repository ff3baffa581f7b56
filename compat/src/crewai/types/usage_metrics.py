"""Where CrewAI keeps UsageMetrics."""

from __future__ import annotations

from aiocrew import UsageMetrics

__all__ = ["UsageMetrics"]
