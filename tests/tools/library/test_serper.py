from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.errors import MissingKeyError
from aiocrew.net.pool import aclose
from aiocrew.tools.library.serper import SearchError, SerperDevTool, found_in_words
from aiocrew.tools.toolbox import make_toolbox

FOUND = {
    "searchParameters": {"q": "asyncio"},
    "answerBox": {"title": "Asyncio", "snippet": "A library.", "link": "https://docs.example/asyncio"},
    "knowledgeGraph": {"title": "Python", "type": "Language", "description": "A programming language."},
    "organic": [
        {"title": "First", "link": "https://one.example", "snippet": "About  the\nfirst.", "position": 1},
        {"title": "Second", "link": "https://two.example", "snippet": "About the second.", "date": "1 May"},
    ],
    "peopleAlsoAsk": [{"question": "Is it fast?", "snippet": "It is.", "link": "https://x.example"}],
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serper(answer: Handler, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Serve `answer` at the address that the environment names."""
    app = web.Application()
    app.router.add_post("/{type}", answer)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        monkeypatch.setenv("SERPER_BASE_URL", base)
        monkeypatch.setenv("SERPER_API_KEY", "secret-key")
        yield base
    finally:
        await aclose()
        await runner.cleanup()


def answering(body: str | bytes, status: int = 200) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        raw = body if isinstance(body, bytes) else body.encode()
        return web.Response(body=raw, status=status, content_type="application/json")

    return answer


async def test_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.path, request.headers.get("X-API-KEY"), await request.json()))
        return web.json_response(FOUND)

    async with serper(answer, monkeypatch) as base:
        text = await SerperDevTool(n_results=5, country="us", locale="en", location="Texas").arun(
            search_query="asyncio"
        )
        await SerperDevTool(search_type="news").arun(search_query="x")
        await SerperDevTool(search_url=f"{base}/elsewhere").arun(search_query="x")
    assert asked == [
        ("/search", "secret-key", {"q": "asyncio", "num": 5, "gl": "us", "hl": "en", "location": "Texas"}),
        ("/news", "secret-key", {"q": "x", "num": 10}),
        ("/elsewhere", "secret-key", {"q": "x", "num": 10}),
    ]
    assert "1. First\n   https://one.example\n   About the first." in text
    assert "2. Second\n   https://two.example\n   1 May\n   About the second." in text
    assert "Answer: Asyncio\nA library.\nhttps://docs.example/asyncio" in text
    assert "About: Python\nLanguage" in text
    assert "- Is it fast?: It is." in text


def test_it_is_made_and_described_without_a_key() -> None:
    (spec,) = make_toolbox([SerperDevTool()]).specs
    assert spec.name == "search_the_internet_with_serper"
    assert list(json.loads(bytes(spec.parameters))["properties"]) == ["search_query"]


async def test_a_missing_key_is_named() -> None:
    with pytest.raises(MissingKeyError, match="SERPER_API_KEY"):
        await SerperDevTool().arun(search_query="x")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ('{"message":"Unauthorized: secret-key"}', 403, r"status 403: Unauthorized: \*\*\*$"),
        ("<h1>Too many\n requests</h1>", 429, "status 429: <h1>Too many requests</h1>"),
        ("x" * 5_000, 500, r"status 500: x{297}\.\.\.$"),
        (b"\xff\xfe", 502, "status 502"),
        ("", 503, r"status 503: \(no message\)"),
        ("", 302, "status 302"),
        ("[1]", 200, "no JSON object"),
        ("<html>", 200, "no JSON object"),
    ],
)
async def test_a_refusal_says_status_and_message_but_no_key(
    body: str | bytes, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serper(answering(body, status), monkeypatch):
        with pytest.raises(SearchError, match=said) as caught:
            await SerperDevTool().arun(search_query="x")
    assert caught.value.status == status


async def test_a_connection_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serper(answer, monkeypatch):
        with pytest.raises(SearchError, match=r"Serper at 127\.0\.0\.1 could not be asked"):
            await SerperDevTool().arun(search_query="x")


async def test_cancelling_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return web.Response()

    async with serper(answer, monkeypatch):
        search = asyncio.create_task(SerperDevTool().arun(search_query="x"))
        await asked.wait()
        search.cancel()
        with pytest.raises(asyncio.CancelledError):
            await search
        await left.wait()


async def test_results_are_saved_one_file_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with serper(answering(json.dumps(FOUND)), monkeypatch):
        tool = SerperDevTool(save_file=True)
        texts = [await tool.arun(search_query="x") for _ in range(2)]
    files = list(tmp_path.iterdir())
    assert [file.read_text(encoding="utf-8") for file in files] == texts
    assert all(file.match("search_results_*.txt") for file in files)


def test_nothing_found() -> None:
    assert found_in_words("x", {}) == "Nothing was found for 'x'."


def test_news_and_long_answers() -> None:
    item = {"title": "T" * 9_999, "link": "https://n.example", "source": "The Paper", "date": "today", "snippet": "s"}
    text = found_in_words("x", {"news": [item] * 99})
    assert "The Paper, today" in text
    assert len(text) <= 16_000


PARTS = st.sampled_from(["organic", "news", "answerBox", "knowledgeGraph", "peopleAlsoAsk", "title", "snippet", "link"])
LEAVES = st.none() | st.integers() | st.sampled_from(["", "text", "two\nlines"])
ITEMS = LEAVES | st.dictionaries(PARTS, LEAVES, max_size=3)


@given(st.dictionaries(PARTS, ITEMS | st.lists(ITEMS, max_size=3), max_size=4))
def test_whatever_serper_says_is_put_into_words(found: dict[str, Any]) -> None:
    assert found_in_words("x", found)


async def test_what_works_for_code_that_awaits_works_for_code_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"organic": [{"title": "One"}]})

    class Short(SerperDevTool):
        def _run(self, search_query: str) -> str:
            return super()._run(search_query)[:14]

    async with serper(answer, monkeypatch):
        assert "1. One" in await asyncio.to_thread(SerperDevTool()._run, search_query="asyncio")
        assert await asyncio.to_thread(Short()._run, "asyncio") == "Search results"
