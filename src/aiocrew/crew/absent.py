"""CrewAI's methods of a Crew that are not there yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from aiocrew.errors import NotBuiltError

__all__ = ["NotBuiltMethods"]

_INSTEAD = {
    "train": "say what should be better in the task's description, or check it by a guardrail",
    "test": "kick the crew off for a list of inputs, and look at the outcomes",
    "replay": "kickoff_for_each([...], journal='batch.sqlite') does only what is missing when it is called again",
    "from_checkpoint": "kickoff_for_each([...], journal='batch.sqlite') does only what is missing",
    "fork": "crew.copy() gives a crew of its own",
    "query_knowledge": "give the agent a tool that searches the source, such as TXTSearchTool",
    "aquery_knowledge": "give the agent a tool that searches the source, such as TXTSearchTool",
    "reset_knowledge": "nothing has to be reset: runs know nothing of one another",
    "reset_memories": "nothing has to be reset: runs remember nothing of one another",
    "calculate_usage_metrics": "read token_usage of the output, or usage_metrics of the crew",
}
"""Each with what there is to do instead."""


class NotBuiltMethods:
    """Has the methods that are not there yet; to call one raises NotBuiltError."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., NoReturn]:
            if name not in _INSTEAD:
                return super().__getattr__(name)

            def refuse(*_arguments: Any, **_keywords: Any) -> NoReturn:
                raise NotBuiltError(f"Crew.{name}() is not built yet in aiocrew. What works: {_INSTEAD[name]}")

            return refuse
