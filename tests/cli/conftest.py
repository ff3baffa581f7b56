"""A provider on loopback and the command, for the command's tests."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator

import pytest

from aiocrew.cli import bench, main
from tests.cli.scenes import ChatHandler, Command, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(("127.0.0.1", 0), ChatHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def aiocrew(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command on pipes, in this process: another one would take most of its time to start."""
    monkeypatch.setattr(bench, "allow_many_files", lambda: None)  # for this process it would be for good

    def carry_out(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        code = main(arguments)
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return carry_out
