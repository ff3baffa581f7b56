"""The import name of CrewAI's tool library, served by aiocrew."""

from __future__ import annotations

from typing import NoReturn

from aiocrew import BaseTool, SerperDevTool, tool
from crewai._served import no_such_name, refuse_missing_modules, require_alone

__all__ = ["BaseTool", "SerperDevTool", "tool"]

require_alone("crewai-tools")
refuse_missing_modules()


def __getattr__(name: str) -> NoReturn:
    no_such_name(__name__, name)
