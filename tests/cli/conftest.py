"""A provider on loopback for the command's tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.cli.scenes import ChatHandler, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(("127.0.0.1", 0), ChatHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
