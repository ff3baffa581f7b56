"""Making an object of a text, as CrewAI's converter classes do: `Task(converter_cls=...)`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from aiocrew.errors import AiocrewError
from aiocrew.models.answers import AnswerProblem, answer_spec, read_answer

__all__ = ["Converter", "ConverterError"]


class ConverterError(AiocrewError):
    """A Converter could not make an object of a text."""


class Converter:
    """Makes an instance of `model` out of `text`. A subclass may do it in its own way; its methods run in a thread.

    llm: who is asked to put the text into its form, where it does not have it; anything that has CrewAI's `call`.
    instructions: what it is told besides.
    max_attempts: how often it is asked.
    """

    def __init__(
        self, text: str, llm: Any, model: type[BaseModel], instructions: str = "", max_attempts: int = 3
    ) -> None:
        self.text = text
        self.llm = llm
        self.model = model
        self.instructions = instructions
        self.max_attempts = max_attempts

    def to_pydantic(self, current_attempt: int = 1) -> BaseModel:
        """Return the instance. Raises ConverterError."""
        text = self.text
        for _ in range(current_attempt, self.max_attempts + 1):
            read = read_answer(self.model, text)
            if not isinstance(read, AnswerProblem):
                return read
            text = str(self.llm.call(self._question(read.text)))
        read = read_answer(self.model, text)
        if isinstance(read, AnswerProblem):
            raise ConverterError(f"the text could not be made a {self.model.__name__}: {read.text}")
        return read

    def to_json(self, current_attempt: int = 1) -> str:
        """Return the instance as JSON text. Raises ConverterError."""
        return self.to_pydantic(current_attempt).model_dump_json()

    def _question(self, problem: str) -> list[dict[str, str]]:
        schema = bytes(answer_spec(self.model).schema).decode()
        told = f"Put the text of the user into one JSON object of this schema, and reply with that alone:\n{schema}"
        return [
            {"role": "system", "content": f"{told}\n{self.instructions}".strip()},
            {"role": "user", "content": f"{self.text}\n\n(What was wrong with it so far: {problem})"},
        ]
