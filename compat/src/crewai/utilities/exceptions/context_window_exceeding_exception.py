"""Where CrewAI keeps the error of a text that is too long for the model."""

from __future__ import annotations

from aiocrew import ContextTooLongError as LLMContextLengthExceededError
from aiocrew import ContextTooLongError as LLMContextLengthExceededException
from crewai._served import serve

__all__ = ["LLMContextLengthExceededError", "LLMContextLengthExceededException"]

serve(__name__)
