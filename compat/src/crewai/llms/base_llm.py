"""Where CrewAI keeps BaseLLM, the class that models of one's own inherit from."""

from __future__ import annotations

from aiocrew import LLM as BaseLLM
from crewai._served import serve

__all__ = ["BaseLLM"]

serve(__name__)
