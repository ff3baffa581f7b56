"""By which key a journal knows an input. Pure, but for what the user's own function does."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from aiocrew.errors import BlueprintError

__all__ = ["GivenKey", "KeyMaker", "canonical_json"]

GivenKey = Callable[[Mapping[str, Any]], str]

_DIGEST_BYTES = 16  # two of 2**32 inputs have one digest with a chance of 2**-65


def canonical_json(value: Any) -> bytes:
    """Return `value` as JSON, equal for equal values in every process. TypeError or ValueError for what is not JSON."""
    try:
        text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return text.encode("ascii")


class KeyMaker:
    """Gives the keys of one batch, in the order of its inputs."""

    def __init__(self, given: GivenKey | None = None) -> None:
        self._given = given
        self._seen: dict[bytes, int] = {}

    def key(self, inputs: Mapping[str, Any] | None) -> str:
        """Return the next input's key: what the user's function gives, else a digest of the content.

        A content that came before has a number at its end, from "#2" on. Raises BlueprintError for what has no key, and
        for a given key that came before.
        """
        return self._from_content(inputs) if self._given is None else self._from_user(self._given, inputs)

    def _from_content(self, inputs: Mapping[str, Any] | None) -> str:
        try:
            digest = blake2b(canonical_json(inputs), digest_size=_DIGEST_BYTES).digest()
        except (TypeError, ValueError) as error:
            raise BlueprintError(
                f"the content of {reprlib.repr(inputs)} cannot be its key in the journal, it is not JSON ({error}): "
                "give key=..., a function that returns a text for each input"
            ) from error
        times = self._times(digest)
        return digest.hex() if times == 1 else f"{digest.hex()}#{times}"

    def _from_user(self, given: GivenKey, inputs: Mapping[str, Any] | None) -> str:
        shown = reprlib.repr(inputs)
        try:
            key: Any = given({} if inputs is None else inputs)
        except Exception as error:
            raise BlueprintError(f"key(...) raised {type(error).__name__} for {shown}: {error}") from error
        if not isinstance(key, str) or not key:
            raise BlueprintError(f"key(...) must return a text that is not empty, for {shown} it returned {key!r}")
        encoded = key.encode("utf-8", "surrogatepass")
        if self._times(blake2b(encoded, digest_size=_DIGEST_BYTES).digest()) > 1:
            raise BlueprintError(f"key(...) returned {key!r} for {shown} and for an earlier input: each needs its own")
        return key

    def _times(self, digest: bytes) -> int:
        times = self._seen[digest] = self._seen.get(digest, 0) + 1
        return times
