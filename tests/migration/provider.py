"""A loopback provider whose model uses every tool, answers in a form where one is asked for, and waits for others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.server.loopback import LoopbackProvider, Taken

__all__ = ["WillingProvider"]


class WillingProvider(LoopbackProvider):
    """Calls all tools that a request offers, in one turn and once; then it answers `re: <task>`, or in the form.

    forms: the answer in a form, given its name and the task.
    arguments: what is written for an argument, given its name and the task; of choices each call takes the next.
    together: patterns of tasks, and how many calls for such tasks have to wait at the same time until they are
        answered. `met` are those of which so many did.
    """

    def __init__(
        self,
        *,
        forms: Callable[[str, str], dict[str, Any]] = lambda name, task: {},
        arguments: Callable[[str, str], str] = lambda name, task: task,
        together: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(uses_tools=False)
        self.bodies: list[dict[str, Any]] = []
        """The model calls, in the order in which they came."""
        self.met: list[str] = []
        self._forms, self._arguments = forms, arguments
        self._together = {re.compile(pattern): count for pattern, count in (together or {}).items()}
        self._waiting: dict[re.Pattern[str], list[Callable[[], None]]] = {}

    def calls_for(self, beginning: str) -> list[dict[str, Any]]:
        """Return the model calls for tasks that begin so."""
        return [body for body, task in zip(self.bodies, self.counts.asked, strict=True) if task.startswith(beginning)]

    def take(self, path: str, body: dict[str, Any]) -> Taken:
        taken = super().take(path, body)
        if path != "/search":
            self.bodies.append(body)
            taken.answer["choices"][0].update(self._choice(body, taken.asked))
        return taken

    def schedule(self, asked: str, answer: Callable[[], None]) -> None:
        pattern = next((pattern for pattern in self._together if pattern.search(asked)), None)
        if pattern is None:
            super().schedule(asked, answer)
            return
        waiting = self._waiting.setdefault(pattern, [])
        waiting.append(answer)
        if len(waiting) == self._together[pattern]:
            del self._together[pattern]
            self.met.append(pattern.pattern)
            for each in waiting:
                super().schedule(asked, each)

    def _choice(self, body: dict[str, Any], task: str) -> dict[str, Any]:
        tools = body.get("tools", [])
        if tools and all(message["role"] != "tool" for message in body["messages"]):
            calls = [self._call(tool["function"], task, number) for number, tool in enumerate(tools)]
            return _choice("tool_calls", content=None, tool_calls=calls)
        if "response_format" in body:
            form = body["response_format"]["json_schema"]["name"]
            return _choice("stop", content=json.dumps(self._forms(form, task)))
        return _choice("stop", content=f"re: {task}")

    def _call(self, function: dict[str, Any], task: str, number: int) -> dict[str, Any]:
        fields, needed = function["parameters"]["properties"], function["parameters"].get("required", [])
        arguments = {
            name: choices[number % len(choices)]
            if (choices := fields[name].get("enum"))
            else self._arguments(name, task)
            for name in needed
        }
        called = {"name": function["name"], "arguments": json.dumps(arguments)}
        return {"id": f"call_{number}", "type": "function", "function": called}


def _choice(finish_reason: str, **message: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", **message}, "finish_reason": finish_reason}
