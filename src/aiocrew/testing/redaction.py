"""Taking secrets out of what is about to be written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

__all__ = ["Redactor"]

_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S?(_|$)", re.IGNORECASE)
_SHORTEST: Final = 8
"""A shorter value stands in texts by chance: "true", "rsa", "12345"."""


class Redactor:
    """Puts a name in the place of a value, wherever it occurs: `<OPENAI_API_KEY>`.

    Values are those of environment variables whose names look secret (KEY, TOKEN, SECRET, PASSWORD, CREDENTIALS as a
    word of it), and what is added. One of less than eight characters is left alone.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        for name, value in sorted(environment.items()):
            if _SECRET.search(name):
                self.add(value, name)

    def add(self, secret: str, name: str) -> None:
        """Let `secret` be shown as `<name>`, unless it has a name already."""
        secret = secret.strip()
        if len(secret) < _SHORTEST or secret in self._names:
            return
        # In JSON inside of a text, as a tool's arguments are, quotes and line ends look different.
        for value in (secret, json.dumps(secret)[1:-1]):
            self._names.setdefault(value, name)
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, value: Any) -> Any:
        """Return JSON's `value` without any secret, in names neither."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._pattern.sub(self._named, value)
        if isinstance(value, list | tuple):
            return [self.clean(item) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            return {self.clean(name): self.clean(item) for name, item in cast("dict[Any, Any]", value).items()}
        return value

    def _named(self, found: re.Match[str]) -> str:
        return f"<{self._names[found[0]]}>"
