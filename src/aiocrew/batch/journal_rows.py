"""What stands in a journal, and what may be changed in it: every method is a part of one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from aiocrew.batch.journal_claims import LEASE_S, Owner, has_ended
from aiocrew.errors import JournalError
from aiocrew.types.journal import Elsewhere, Recorded
from aiocrew.types.paths import Path

__all__ = ["Claimed", "JournalRows", "KnownStep"]

_TOLD = 2


class KnownStep(msgspec.Struct, frozen=True, gc=False):
    """What is known of a step from before."""

    digest: bytes
    result: bytes | None
    """None: it began, and nobody knows how it ended."""


class Claimed(msgspec.Struct, frozen=True):
    """The input is this owner's."""

    input: int
    key: str
    attempts: int
    digest: bytes
    steps: dict[Path, KnownStep]


class JournalRows:
    """The rows of one journal, as one owner sees and changes them. It belongs to the thread of its connection.

    Whoever calls brackets the calls with a transaction that excludes all other processes. What an owner writes about an
    input that it has lost meanwhile raises JournalError and changes nothing.
    """

    def __init__(self, db: sqlite3.Connection, path: str, owner: Owner, wall_s: Callable[[], float]) -> None:
        self._db = db
        self._path = path
        self._owner = owner
        self._wall_s = wall_s
        self._number = 0

    def enter(self) -> None:
        """Note this owner, and forget those that have ended without leaving a claim."""
        self._number = self._note(None).lastrowid or 0
        for (number,) in self._all("SELECT id FROM owners WHERE id NOT IN (SELECT owner FROM inputs WHERE owner > 0)"):
            if number != self._number and self._living(number) is None:
                self._change("DELETE FROM owners WHERE id = ?", number)

    def beat(self) -> None:
        """Say that this owner is there; also where it was forgotten because it was silent for so long."""
        self._note(self._number)

    def leave(self) -> None:
        """Give up all claims of this owner, and forget it."""
        self._change("UPDATE inputs SET owner = NULL WHERE owner = ?", self._number)
        self._change("DELETE FROM owners WHERE id = ?", self._number)

    def begin(self, key: str, digest: bytes, *, retry_failed: bool) -> Recorded | Claimed | Elsewhere:
        """Claim an input, as BatchJournal.begin says."""
        known = self._all("SELECT id, digest, attempts, owner, ok, outcome FROM inputs WHERE key = ?", _bytes(key))
        if not known:
            number = self._change(
                "INSERT INTO inputs (key, digest, attempts, owner) VALUES (?, ?, 1, ?)",
                *(_bytes(key), digest, self._number),
            ).lastrowid
            return Claimed(number or 0, key, 1, digest, {})
        number, recorded_digest, attempts, owner, ok, outcome = known[0]
        changed, failed = recorded_digest != digest, ok == 0
        if ok is not None and not changed and not (failed and retry_failed):
            return Recorded(outcome, attempts)
        living = None if owner is None else self._living(owner)
        if living is not None:
            return Elsewhere(str(living))
        attempts += changed or failed
        self._change(
            "UPDATE inputs SET digest = ?, attempts = ?, owner = ?, ok = NULL, outcome = NULL WHERE id = ?",
            *(digest, attempts, self._number, number),
        )
        if failed and retry_failed:
            # Whoever asks for this has looked what became of the calls that the failure named.
            self._change("DELETE FROM steps WHERE input = ? AND result IS NULL AND announced = ?", number, _TOLD)
        return Claimed(number, key, attempts, digest, self._steps(number))

    def end(self, claimed: Claimed, outcome: bytes, *, ok: bool, replays: bool, told: Sequence[Path] = ()) -> None:
        """Record the outcome.

        told: steps of which the outcome says that they were cut off. `retry_failed` does them again, and no others:
        of those nobody has heard yet.
        replays: all recorded steps together led to this failure, and would again. Those that changed nothing outside
        are forgotten: otherwise `retry_failed` would repeat the failure from the journal without asking anybody.
        """
        ended = self._change(
            "UPDATE inputs SET ok = ?, outcome = ?, owner = NULL WHERE id = ? AND owner = ?",
            *(ok, outcome, claimed.input, self._number),
        )
        if not ended.rowcount:
            raise self._lost(claimed)
        for path in told:
            self._change(
                "UPDATE steps SET announced = ? WHERE input = ? AND path = ? AND result IS NULL",
                *(_TOLD, claimed.input, path),
            )
        if replays:
            self._change("DELETE FROM steps WHERE input = ? AND NOT announced", claimed.input)

    def give_up(self, claimed: Claimed) -> None:
        """Give up the claim, if it is still this owner's."""
        self._change("UPDATE inputs SET owner = NULL WHERE id = ? AND owner = ?", claimed.input, self._number)

    def keep(self, claimed: Claimed, path: Path, digest: bytes, result: bytes | None, *, announced: bool) -> None:
        """Record a step's result, or with None that it begins, in place of what was known of the step."""
        kept = self._change(
            "INSERT OR REPLACE INTO steps (input, path, digest, announced, result) "
            "SELECT id, ?, ?, ?, ? FROM inputs WHERE id = ? AND owner = ?",
            *(path, digest, announced, result, claimed.input, self._number),
        )
        if not kept.rowcount:
            raise self._lost(claimed)

    def drop_beginning(self, claimed: Claimed, path: Path) -> None:
        """Forget that a step began: it has ended, without a result."""
        self._change("DELETE FROM steps WHERE input = ? AND path = ? AND result IS NULL", claimed.input, path)

    def _note(self, number: int | None) -> sqlite3.Cursor:
        owner = self._owner
        return self._change(
            "INSERT OR REPLACE INTO owners (id, token, host, boot, namespace, pid, started, seen_s) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(number, owner.token, owner.host, owner.boot, owner.namespace, owner.pid, owner.started, self._wall_s()),
        )

    def _steps(self, number: int) -> dict[Path, KnownStep]:
        rows = self._all("SELECT path, digest, result FROM steps WHERE input = ?", number)
        return {Path(path): KnownStep(digest, result) for path, digest, result in rows}

    def _living(self, number: int) -> Owner | None:
        rows = self._all(
            "SELECT seen_s, token, host, boot, namespace, pid, started FROM owners WHERE id = ?",
            number,
        )
        for seen_s, *who in rows:
            owner = Owner(*who)
            if not has_ended(owner, seen_s, self._owner, self._wall_s()):
                return owner
        return None

    def _lost(self, claimed: Claimed) -> JournalError:
        return JournalError(
            f"the journal {self._path!r}: another process has taken over the input {claimed.key!r}, because this one "
            f"had not been heard of for more than {LEASE_S:g} s. What it did of the input since then is not recorded; "
            "start the batch again to go on",
            path=self._path,
        )

    def _change(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._db.execute(statement, values)

    def _all(self, question: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        return self._db.execute(question, values).fetchall()


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
