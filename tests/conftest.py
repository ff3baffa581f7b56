"""What holds for every test: no socket leaves this machine, the environment and the machine's speed decide nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

DECIDING = ("OPENAI_", "SERPER_", "AIOCREW_", "CREWAI_")
"""Prefixes of variables that change what the engine does; the keys of the other providers end in _API_KEY."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def _decides(name: str) -> bool:
    by_name = name in {"MODEL", "SSL_CERT_FILE", "SSL_CERT_DIR"} or name.lower() in PROXIES
    return by_name or name.startswith(DECIDING) or name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if _decides(name):
            monkeypatch.delenv(name)


def _is_here(address: Any) -> bool:
    # A path is a Unix socket; a name is let through, because resolving it leads to a connection with its address.
    if not isinstance(address, tuple):
        return True
    try:
        return ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse every connection that leaves the machine, and fail the test that tried, even if it caught the refusal."""
    tried: list[Any] = []

    def guarded(name: str) -> Any:
        real = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            if _is_here(address):
                return real(self, address)
            tried.append(address)
            raise PermissionError(f"a test may connect to loopback only, not to {address!r}")

        return connect

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, guarded(name), raising=True)
    yield
    assert not tried, f"the test tried to connect to {tried}"
