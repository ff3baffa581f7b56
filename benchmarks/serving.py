"""Starting the loopback server as a process of its own, and asking it what it saw."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Captured", "Server", "running_server"]

REPOSITORY = Path(__file__).resolve().parent.parent


class Captured(msgspec.Struct, frozen=True):
    """One request as the server received it."""

    head: str
    body: str


class Server(msgspec.Struct, frozen=True):
    """Where the loopback server listens; handed to the child processes that measure."""

    port: int
    tls_port: int = 0
    ca_file: str = ""
    pid: int = 0

    def base_url(self, latency_ms: int = 0, *, tls: bool = False, tool: str = "") -> str:
        """Return the base URL of a provider that answers after `latency_ms`."""
        origin = f"https://localhost:{self.tls_port}" if tls else f"http://127.0.0.1:{self.port}"
        return "/".join([origin, "v1", f"{latency_ms}ms", *([tool] if tool else [])])

    def stats(self) -> dict[str, float]:
        return self._ask("GET", "/stats")

    def reset(self) -> None:
        self._ask("POST", "/reset")

    def capture(self) -> None:
        """Keep the requests that come from now on."""
        self._ask("POST", "/capture")

    def captured(self) -> list[Captured]:
        """Return the requests kept since `capture()`, and keep no more."""
        return msgspec.convert(self._ask("GET", "/captured"), list[Captured])

    def _ask(self, method: str, path: str) -> Any:
        # Blocking on purpose: it is asked between the measured spans, and must add no task, thread or pool to them.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            return json.loads(connection.getresponse().read())


@contextlib.contextmanager
def running_server(*, tls: bool = True, lifetime_s: float = 600.0) -> Generator[Server]:
    """Run the server for the length of the block, with a certificate for `localhost` if `tls`."""
    with tempfile.TemporaryDirectory(prefix="aiocrew-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.server", "--lifetime-s", str(lifetime_s)]
        ca_file = ""
        if tls:
            ca_file, cert_file = _certificates(Path(folder))
            command += ["--cert-file", cert_file]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=REPOSITORY) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                found = json.loads(process.stdout.readline() or b"{}")
                yield Server(port=found["port"], tls_port=found["tls_port"], ca_file=ca_file, pid=process.pid)
            finally:
                process.stdin.close()


def _certificates(folder: Path) -> tuple[str, str]:
    import trustme  # a development dependency, needed for the rows over TLS only

    authority = trustme.CA()
    ca_file, cert_file = folder / "ca.pem", folder / "localhost.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(cert_file))
    return str(ca_file), str(cert_file)
