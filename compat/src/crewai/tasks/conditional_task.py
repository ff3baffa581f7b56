"""Where CrewAI keeps ConditionalTask."""

from __future__ import annotations

from aiocrew.crew.conditional import ConditionalTask
from crewai._served import serve

__all__ = ["ConditionalTask"]

serve(__name__)
