"""`python -m benchmarks`: measure, and print one table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.child import ChildFailedError, run_in_child
from benchmarks.serving import running_server
from benchmarks.settings import Settings
from benchmarks.table import Row, format_table, missed

__all__ = ["GROUPS", "main", "measure"]

GROUPS = {
    "cpu": "benchmarks.rows_cpu:plain",
    "tls": "benchmarks.rows_cpu:tls",
    "in-flight": "benchmarks.rows_scale:in_flight",
    "walls": "benchmarks.rows_scale:walls",
    "five-thousand": "benchmarks.rows_scale:five_thousand",
    "memory": "benchmarks.rows_process:memory",
    "stalls": "benchmarks.rows_scale:stalls",
    "import": "benchmarks.rows_process:imports",
    "tool": "benchmarks.rows_process:synchronous_tool",
    "tutorial": "benchmarks.rows_process:tutorial",
    "limits": "benchmarks.rows_limits:limits",
    "stream": "benchmarks.rows_limits:stream",
    "observer": "benchmarks.rows_observer:observer",
    "page": "benchmarks.page:frames",
    "server": "benchmarks.ceiling:server_cost",
}
"""The groups of rows by the name that --rows takes; each is measured in a process of its own."""


SLOW = ("tutorial", "limits", "page")
"""Groups that a quick run leaves out unless they are asked for: fewer rounds would not make them shorter."""

TIME_LIMIT_S, LONGER_S = 90.0, {"stream": 300.0}
"""How long a group may take, and those that may take longer."""


def measure(group: str, settings: Settings) -> list[Row]:
    """Return the rows of one group; a group that crashes or hangs is one row that says so."""
    # aiohttp makes its TLS context when it is imported, so the authority must stand in the environment before that.
    env = {"SSL_CERT_FILE": settings.server.ca_file} if group == "tls" else {}
    try:
        timeout_s = LONGER_S.get(group, TIME_LIMIT_S)
        return run_in_child(GROUPS[group], settings, list[Row], timeout_s=timeout_s, env=env)
    except ChildFailedError as error:
        return [Row(name=group, failed=str(error))]


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the status is 1 if a target was missed or a row failed."""
    chosen = _options().parse_args(arguments)
    unknown = set(chosen.rows) - GROUPS.keys()
    if unknown:
        sys.exit(f"no such rows: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    began_s = time.perf_counter()
    rows: list[Row] = []
    with running_server(tls="tls" in (chosen.rows or GROUPS)) as server:
        settings = Settings(
            server=server, rounds=chosen.rounds, quick=chosen.quick, loop=chosen.loop, scale=chosen.scale
        )
        for group in chosen.rows or ([group for group in GROUPS if not (chosen.quick and group in SLOW)]):
            group_began_s = time.perf_counter()
            rows += measure(group, settings)
            sys.stderr.write(f"{group}: {time.perf_counter() - group_began_s:.1f} s\n")
    if chosen.json:
        Path(chosen.json).write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    sys.stdout.write(f"{format_table(rows)}\n\n{_circumstances(chosen, time.perf_counter() - began_s)}\n")
    return 1 if missed(rows) else 0


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--rows", nargs="+", default=[], metavar="GROUP", help=f"only these: {', '.join(GROUPS)}")
    options.add_argument("--rounds", type=int, default=11, help="rounds of the rows that measure CPU (default 11)")
    options.add_argument("--quick", action="store_true", help="a quarter of the rounds: a look, not a measurement")
    options.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio", help="the loop of both sides")
    options.add_argument("--scale", type=float, default=1.0, help="multiply the numbers of crews, for a small machine")
    options.add_argument("--json", metavar="FILE", help="write the rows there too")
    return options


def _circumstances(chosen: argparse.Namespace, took_s: float) -> str:
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, {chosen.loop}, {os.cpu_count()} cores, load {load:.1f} at the end, "
        f"{took_s:.0f} s in all{', quick: a quarter of the rounds' if chosen.quick else ''}"
    )


if __name__ == "__main__":
    sys.exit(main())
