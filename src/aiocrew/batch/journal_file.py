"""The file of a journal: made, recognised, checked. A file that is not one is not touched."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import ExitStack, closing
from pathlib import Path

from aiocrew.errors import JournalError

__all__ = ["BUSY_S", "check_place", "failure_of", "is_busy", "open_file", "place_of"]

_APPLICATION_ID = 0x61696F63
_VERSION = 1

BUSY_S = 1.0
"""How long one attempt waits for another process's transaction; those last milliseconds."""
_ATTEMPTS = 30
_PAUSE_S = 0.05
_LOOKS = 10
_LEAST_LOOKS = 3

# Keys are bytes, because a text that is no valid Unicode is a key too. Of a step without a result it is only known that
# it has begun; `announced` is 2 where the user was told of that. Owners' numbers are never used again: a claim that was
# taken over stays lost for whoever had it.
_LAYOUT = """
CREATE TABLE owners (
    id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL, host TEXT NOT NULL, boot TEXT NOT NULL,
    namespace TEXT NOT NULL, pid INTEGER NOT NULL, started INTEGER NOT NULL, seen_s REAL NOT NULL
);
CREATE TABLE inputs (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, digest BLOB NOT NULL, attempts INTEGER NOT NULL,
    owner INTEGER, ok INTEGER, outcome BLOB
);
CREATE INDEX claims ON inputs (owner) WHERE owner IS NOT NULL;
CREATE TABLE steps (
    input INTEGER NOT NULL, path TEXT NOT NULL, digest BLOB NOT NULL, announced INTEGER NOT NULL, result BLOB,
    UNIQUE (input, path)
);
"""

_CAUSES = {
    sqlite3.SQLITE_NOTADB: "is no SQLite file, so it is not a journal of aiocrew; it was left as it is. Give the path "
    "of another file",
    sqlite3.SQLITE_CORRUPT: "is damaged; it was left as it is. Go back to a copy of it, or give a new path to begin "
    "again",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full. Free some space and start the batch again; what was reported "
    "as done is recorded",
    sqlite3.SQLITE_BUSY: "is locked by another process, which does not let go of it. Wait for that process or end it, "
    "and start the batch again",
    sqlite3.SQLITE_READONLY: "cannot be written. Give this user the right to write the file and its folder, where "
    "SQLite puts two more files",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened. Give this user the right to read and write the file and its folder, "
    "where SQLite puts two more files",
    sqlite3.SQLITE_TOOBIG: "cannot hold a single record of more than 1 GB. Have the step give less",
    sqlite3.SQLITE_IOERR: "could not be read or written. Look at the disk, and start the batch again; what was "
    "reported as done is recorded",
}
_ANY_CAUSE = "cannot be used. Give a new path to begin again, or report this as a fault of aiocrew"

_making = threading.Lock()


def open_file(path: Path) -> sqlite3.Connection:
    """Return a connection to the journal at `path`, which is made (mode 0600) where there is none or an empty file.

    Every commit on it is on the disk when it returns. Raises JournalError for any other file, which keeps its bytes,
    and when the system refuses. It blocks: not for the event loop.
    """
    try:
        path = Path(os.path.realpath(path))  # as SQLite does: its other files stand beside what a link leads to
        _make(path)
        _recognise(path)
        return _patiently_connect(path)
    except (sqlite3.Error, OSError, ValueError) as error:
        raise failure_of(error, path) from error


def failure_of(error: Exception, path: Path) -> JournalError:
    """Return what `error` means for the journal at `path`, as an error that says what to do."""
    if isinstance(error, OSError):
        said = f"cannot be opened: {error.strerror or error}"
        if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
            said = f"cannot be made: there is no folder {str(path.parent)!r}. Make it first"
        return JournalError(f"the journal {str(path)!r} {said}", path=str(path))
    cause = _CAUSES.get(_code(error), _ANY_CAUSE)
    return JournalError(f"the journal {str(path)!r} {cause} ({type(error).__name__}: {error})", path=str(path))


def place_of(path: Path) -> tuple[int, int]:
    """Return what tells the file at `path` from any other. OSError where there is none."""
    status = path.stat()
    return status.st_dev, status.st_ino


def check_place(path: Path, place: tuple[int, int]) -> None:
    """Raise JournalError if the file at `path` is not the one any more that `place` was taken of.

    SQLite would write on, into a file that nobody finds again.
    """
    try:
        if place_of(path) == place:
            return
    except FileNotFoundError:
        pass
    raise JournalError(
        f"the journal {str(path)!r} was removed or replaced while it was in use: nothing more is recorded. Put it "
        "back, or remove what is left of it (its name with -wal and -shm at the end); then start the batch again",
        path=str(path),
    )


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another process was in the way."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: Exception) -> int:
    if isinstance(error, OverflowError):  # by Python, before SQLite saw it
        return sqlite3.SQLITE_TOOBIG
    extended: int = getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR
    return extended & 0xFF


def _make(path: Path) -> None:
    # Closing any descriptor of a file drops all locks that this process has on it, SQLite's too (fcntl(2)). So only
    # SQLite opens it; but for its making, and then no journal of this process may find it before that is closed.
    with _making:
        if not path.exists():
            try:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                if path.is_symlink():
                    raise
                return  # another process was faster
            path.chmod(0o600)  # also where the umask takes from the owner
            return
    if not path.is_file():
        raise JournalError(
            f"the journal {str(path)!r} would have to be a file, but something else is there: give another path",
            path=str(path),
        )


def _recognise(path: Path) -> None:
    """Check that a file with something in it is a whole journal, without changing a byte; sqlite3.Error or JournalError
    when it is not.
    """
    pause = threading.Event()
    for look in range(1, _LOOKS + 1):
        before = _traces(path)
        if before[0] == 0:
            return
        try:
            return _look(path)
        except (sqlite3.Error, JournalError):
            # It is read past all locks: what is being written meanwhile may look damaged. A file's time may not tell
            # of that, it goes on in steps of some milliseconds.
            if look == _LOOKS or (look >= _LEAST_LOOKS and _traces(path) == before):
                raise
        pause.wait(_PAUSE_S)


def _traces(path: Path) -> tuple[int, int, bool, bool]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, _beside(path, "-wal"), _beside(path, "-journal")


def _beside(path: Path, suffix: str) -> bool:
    return path.with_name(path.name + suffix).exists()


def _look(path: Path) -> None:
    # `immutable` takes no lock and makes no file beside the journal. The identity is in the file itself from its first
    # commit on; the pages are in it alone only if no log stands beside it.
    with closing(_connection(path, "mode=ro&immutable=1")) as db:
        if _beside(path, "-journal"):
            db.execute("PRAGMA writable_schema=ON")  # then the first page may name pages that are not there yet
        _identify(db, path)
        if not _beside(path, "-wal") and not _beside(path, "-journal"):
            return _check_pages(db)
    if _beside(path, "-wal"):
        with closing(_connection(path, "mode=ro")) as db:
            _check_pages(db)
    # Beside a rollback journal the file was only about to be made: SQLite undoes that on opening.
    return None


def _identify(db: sqlite3.Connection, path: Path) -> None:
    application, version = _number(db, "PRAGMA application_id"), _number(db, "PRAGMA user_version")
    if application != _APPLICATION_ID:
        raise JournalError(
            f"{str(path)!r} is an SQLite file, but not a journal of aiocrew; it was left as it is. Give the path of "
            "another file",
            path=str(path),
        )
    if version != _VERSION:
        raise JournalError(
            f"the journal {str(path)!r} has the format {version}, and this aiocrew knows {_VERSION} only; it was left "
            "as it is. Use the aiocrew that wrote it, or give a new path to begin again",
            path=str(path),
        )


def _check_pages(db: sqlite3.Connection) -> None:
    found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _number(db: sqlite3.Connection, question: str) -> int:
    return int(db.execute(question).fetchone()[0])


def _connection(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_S, isolation_level=None)


def _patiently_connect(path: Path) -> sqlite3.Connection:
    pause = threading.Event()
    for _ in range(_ATTEMPTS):
        try:
            return _connect(path)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            # The change to a log is refused at once while another process does it.
            pause.wait(_PAUSE_S)
    return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    with ExitStack() as undo:
        db = _connection(path, "mode=rw")
        undo.callback(db.close)
        db.execute("PRAGMA synchronous=FULL")
        if not _number(db, "SELECT count(*) FROM sqlite_master"):
            path.chmod(0o600)  # an empty file that somebody made
            _lay_out(db)
        _identify(db, path)
        db.execute("PRAGMA journal_mode=WAL").fetchone()
        undo.pop_all()
        return db


def _lay_out(db: sqlite3.Connection) -> None:
    """Make the tables, in one transaction that goes into the file itself: there is no log yet."""
    db.execute("BEGIN IMMEDIATE")
    if not _number(db, "SELECT count(*) FROM sqlite_master"):
        for statement in _LAYOUT.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version={_VERSION}")
    db.execute("COMMIT")
