"""An API key as people see it in an LLM: it can be compared, and is never shown."""

from __future__ import annotations

import hmac
from typing import Any

from pydantic import SecretStr

__all__ = ["ApiKey"]


class ApiKey(SecretStr):
    """A secret that equals its own text, as code written for CrewAI expects of `llm.api_key`."""

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, SecretStr):
            other = other.get_secret_value()
        return isinstance(other, str) and hmac.compare_digest(_bytes(self.get_secret_value()), _bytes(other))

    def __hash__(self) -> int:
        return hash(self.get_secret_value())  # what is equal has one hash


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # compare_digest takes no text beyond ASCII
