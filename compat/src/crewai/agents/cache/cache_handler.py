"""Where CrewAI keeps CacheHandler."""

from __future__ import annotations

from aiocrew.tools.cache import CacheHandler
from crewai._served import serve

__all__ = ["CacheHandler"]

serve(__name__)
