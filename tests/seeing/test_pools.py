"""Connection pools of several libraries, with real servers: named where they are too narrow, and only there."""

from __future__ import annotations

import asyncio
import importlib

import pytest

from aiocrew import OverlapReport, observe
from aiocrew.seeing.report import Cause
from tests.seeing.test_planted import expected, found
from tests.server.conftest import provider as provider
from tests.server.loopback import LoopbackProvider
from tests.servers.postgres import Postgres
from tests.servers.postgres import postgres as postgres
from tests.servers.redis_server import redis_url as redis_url
from tests.servers.web import web_url as web_url

# The first may install a server.
pytestmark = pytest.mark.timeout(300)

SERVERS = {
    "httpx": "web_url",
    "asyncpg": "postgres",
    "psycopg": "postgres",
    "sqlalchemy": "postgres",
    "redis": "redis_url",
}
TOLD = {
    "httpx": (2, "one of the 2 connections of httpcore's AsyncConnectionPool", "httpx.Limits(max_connections="),
    "asyncpg": (1, "the one connection of asyncpg's Pool", "asyncpg.create_pool(max_size="),
    "psycopg": (1, "the one connection of psycopg_pool's AsyncConnectionPool", "AsyncConnectionPool(max_size="),
    "sqlalchemy": (
        2,
        "one of the 2 connections of sqlalchemy's AsyncAdaptedQueuePool",
        "create_async_engine(url, pool_size=",
    ),
    "redis": (1, "the one connection of redis's BlockingConnectionPool", "BlockingConnectionPool(max_connections="),
}
WIDE = 5


@pytest.fixture(params=SERVERS)
def library(request: pytest.FixtureRequest, provider: LoopbackProvider) -> tuple[str, str]:
    """A library, and where its server is."""
    provider.latency_s = 0.05
    server = request.getfixturevalue(SERVERS[request.param])
    return request.param, server.url if isinstance(server, Postgres) else server


def observed(library: tuple[str, str], connections: int) -> OverlapReport:
    name, url = library
    main = importlib.import_module(f"tests.seeing.planted.pool_{name}").main
    with observe() as seen:
        asyncio.run(main(url, connections))
    return seen.report()


def test_a_narrow_pool_is_named_with_the_line_that_waits_its_size_and_what_to_write(library: tuple[str, str]) -> None:
    connections, what, instead = TOLD[library[0]]
    report = observed(library, connections)
    assert expected(f"pool_{library[0]}") in found(report)
    (culprit,) = [culprit for culprit in report.culprits if culprit.cause is Cause.CONNECTION_POOL]
    assert culprit.what == f"requests waited for {what}"
    assert instead in culprit.instead
    assert culprit.lost_s > 0.05


def test_a_pool_that_is_wide_enough_is_no_finding(library: tuple[str, str]) -> None:
    report = observed(library, WIDE)
    assert Cause.CONNECTION_POOL not in [culprit.cause for culprit in report.culprits]
