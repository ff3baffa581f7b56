"""Certificates that the tests of one host trust."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme


@pytest.fixture
def authority(tmp_path: Path) -> Callable[[str], ssl.SSLContext]:
    """Return what makes a server's context for a name; its authority's certificate is tmp_path/ca.pem."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def context(name: str) -> ssl.SSLContext:
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.issue_cert(name).configure_cert(server)
        return server

    return context


@pytest.fixture
def trusted(
    authority: Callable[[str], ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    """Return a server's context for localhost that is trusted here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority("localhost")
