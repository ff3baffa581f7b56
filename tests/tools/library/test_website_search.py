from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from aiocrew.errors import NotBuiltError, UsageError
from aiocrew.net.page import PageError, PageRefusedError
from aiocrew.tools.library.website_search import WebsiteSearchTool
from aiocrew.tools.toolbox import make_toolbox
from tests.tools.library.websites import website

FILLING = "<p>" + "Nothing of interest stands here. " * 60 + "</p>"
PAGE = f"<title>Zoo</title>{FILLING}<p>The okapi eats leaves at noon.</p>{FILLING}<p>The lion sleeps.</p>"


def arguments(tool: WebsiteSearchTool) -> dict[str, Any]:
    (spec,) = make_toolbox([tool]).specs
    return json.loads(bytes(spec.parameters))


async def test_the_passages_of_a_page_that_fit() -> None:
    tool = WebsiteSearchTool(allow_private=True, limit=1)
    async with website({"/zoo": PAGE}) as site:
        text = await tool.arun(search_query="when does the okapi eat?", website=f"{site.base}/zoo?key=secret")
    assert text.startswith(f"Found in {site.base}/zoo for 'when does the okapi eat?', the best first:\n\n1. ")
    assert "The okapi eats leaves at noon." in text
    assert "lion" not in text
    assert arguments(tool)["required"] == ["search_query", "website"]


async def test_a_page_that_was_given_needs_no_argument() -> None:
    async with website({"/zoo": PAGE}) as site:
        tool = WebsiteSearchTool(f"{site.base}/zoo", allow_private=True)
        assert "okapi" in await tool.arun("okapi")
        with pytest.raises(UsageError, match="no argument 'website'"):
            await tool.arun(search_query="okapi", website="http://elsewhere.example/")
    assert list(arguments(tool)["properties"]) == ["search_query"]
    assert f"{site.base}/zoo" in tool.description


async def test_nothing_found() -> None:
    async with website({"/zoo": PAGE}) as site:
        text = await WebsiteSearchTool(f"{site.base}/zoo", allow_private=True).arun("giraffe")
    assert text == f"Nothing in {site.base}/zoo holds a word of 'giraffe'."


async def test_a_page_that_was_not_read_whole_says_so() -> None:
    async with website({"/zoo": PAGE}) as site:
        text = await WebsiteSearchTool(f"{site.base}/zoo", allow_private=True, max_bytes=100).arun("lion")
    assert "holds a word" in text
    assert text.endswith("[Only the first 100 bytes of the page were searched.]")


async def test_a_long_answer_is_cut_and_says_so() -> None:
    async with website({"/zoo": PAGE}) as site:
        text = await WebsiteSearchTool(f"{site.base}/zoo", allow_private=True, max_characters=50).arun("interest")
    shown, note = text.split("\n\n[Cut: ")
    assert len(shown) <= 50
    assert note.startswith("these are the first 50 of ")


async def test_the_own_network_is_refused() -> None:
    async with website({"/zoo": PAGE}) as site:
        with pytest.raises(PageRefusedError, match="allow_private=True"):
            await WebsiteSearchTool(f"{site.base}/zoo").arun("okapi")
        with pytest.raises(PageError, match="404"):
            await WebsiteSearchTool(f"{site.base}/x", allow_private=True).arun("okapi")


@pytest.mark.parametrize("asked", [{"config": {"embedder": {"provider": "openai"}}}, {"adapter": object()}])
def test_embeddings_are_not_built_and_it_says_so(asked: dict[str, Any]) -> None:
    with pytest.raises(NotBuiltError, match=next(iter(asked))):
        WebsiteSearchTool(**asked)
    assert WebsiteSearchTool(**dict.fromkeys(asked))


async def test_one_tool_searches_for_many_at_once() -> None:
    pages = {f"/{number}": f"<p>animal number {number} is called name{number}x</p>" for number in range(20)}
    tool = WebsiteSearchTool(allow_private=True)
    async with website(pages) as site:
        texts = await asyncio.gather(*[tool.arun(search_query="called", website=site.base + path) for path in pages])
    assert all(f"name{number}x" in text for number, text in enumerate(texts))
