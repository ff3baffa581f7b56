"""CrewAI's import name, served by aiocrew; `__version__` is the level of the API, `__aiocrew__` the engine's."""

from __future__ import annotations

from typing import NoReturn

import aiocrew
from aiocrew import LLM, Agent, Crew, CrewOutput, Process, Task, TaskOutput
from crewai._served import no_such_name, refuse_missing_modules, require_alone

__all__ = ["LLM", "Agent", "Crew", "CrewOutput", "Process", "Task", "TaskOutput"]

__version__ = "0.80.0"
__aiocrew__ = aiocrew.__version__

require_alone("crewai")
refuse_missing_modules()


def __getattr__(name: str) -> NoReturn:
    no_such_name(__name__, name)
