"""CrewAI's import name, served by aiocrew; `__version__` is the level of the API, `__aiocrew__` the engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiocrew
from aiocrew import LLM, Agent, Crew, CrewOutput, Process, Task, TaskOutput
from aiocrew import LLM as BaseLLM
from crewai._served import require_alone, serve

if TYPE_CHECKING:
    from aiocrew.flow import Flow

__all__ = ["LLM", "Agent", "BaseLLM", "Crew", "CrewOutput", "Flow", "Process", "Task", "TaskOutput"]

__version__ = "0.80.0"
__aiocrew__ = aiocrew.__version__

require_alone("crewai")
serve(__name__, later={"Flow": "aiocrew.flow"})
