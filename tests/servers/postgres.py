"""A real PostgreSQL on loopback, one for all tests: a file that imports the fixture `postgres` has it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.running import ServerFailed, installed, running_on_a_free_port

__all__ = ["Postgres", "postgres"]

_OWNER = "postgres"
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "shared_buffers=16MB",
    "max_connections=60",
    "lc_messages=C",
)


class Postgres:
    """A running server, without a password; its one user is `postgres`, and so is its database."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def url(self) -> str:
        """Where it is, as asyncpg and psycopg take it."""
        return f"postgresql://{_OWNER}@127.0.0.1:{self.port}/postgres"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The one PostgreSQL of the session, with an empty database; skips where there is none and none can be had."""
    programs = installed("postgresql", _programs)
    if programs is None:
        pytest.skip("needs PostgreSQL, which the test starts by itself: install Debian's package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="aiocrew-postgres-"))
    # It refuses to run as root.
    user = _OWNER if os.geteuid() == 0 else ""
    try:
        if user:
            shutil.chown(folder, user, user)
        _initialise(programs, folder / "data", user)
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        with running_on_a_free_port(
            lambda port: [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port), *settings],
            "ready to accept connections",
            user=user,
            end=signal.SIGINT,  # it does not wait for its clients
        ) as port:
            yield Postgres(port)
    except ServerFailed as failure:
        pytest.skip(f"PostgreSQL could not be started; `{programs}/postgres` says: {failure}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the folder of the newest `initdb` and `postgres`."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path is not None:
        places.append(Path(on_path).resolve().parent)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _initialise(programs: Path, data: Path, user: str) -> None:
    command = f"{programs}/initdb -D {data} -U {_OWNER} -A trust -E UTF8 --locale=C --no-sync --no-instructions"
    become = {"user": user, "group": user, "extra_groups": []} if user else {}
    made = subprocess.run(
        command.split(), cwd=data.parent, capture_output=True, text=True, check=False, timeout=50, **become
    )
    if made.returncode:
        raise ServerFailed(made.stderr)
