from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web
from pydantic import BaseModel

from aiocrew.errors import BlueprintError, NotBuiltError, UsageError
from aiocrew.net.page import PageError, PageRefusedError
from aiocrew.tools.library.scrape_website import ScrapeWebsiteTool
from aiocrew.tools.library.website_search import WebsiteSearchTool
from aiocrew.tools.toolbox import make_toolbox
from aiocrew.types.blueprint import AiocrewWarning
from tests.tools.library.websites import website

PAGE = "<title>News</title><h1>Today</h1><p>It rains.</p><script>no()</script>"
TEXT = "News\n\n# Today\n\nIt rains."


def arguments(tool: ScrapeWebsiteTool) -> dict[str, Any]:
    (spec,) = make_toolbox([tool]).specs
    return json.loads(bytes(spec.parameters))


async def test_the_text_of_a_page_that_the_model_names() -> None:
    tool = ScrapeWebsiteTool(allow_private=True)
    async with website({"/a": PAGE}) as site:
        assert await tool.arun(website_url=f"{site.base}/a") == TEXT
        assert await tool.arun(f"{site.base}/a") == TEXT
    schema = arguments(tool)
    assert (list(schema["properties"]), schema["required"]) == (["website_url"], ["website_url"])


async def test_the_text_of_a_page_that_was_given() -> None:
    async with website({"/a": PAGE}) as site:
        tool = ScrapeWebsiteTool(f"{site.base}/a", allow_private=True)
        assert await tool.arun() == TEXT
        with pytest.raises(UsageError, match="no argument 'website_url'"):
            await tool.arun(website_url="http://elsewhere.example/")
    assert arguments(tool).get("properties", {}) == {}
    assert f"{site.base}/a" in tool.description


def test_a_tool_runs_without_a_loop() -> None:
    tool = ScrapeWebsiteTool(website_url="http://127.0.0.1/")
    for run in (tool.run, tool._run):
        with pytest.raises(PageRefusedError):
            run()
    with pytest.raises(PageRefusedError):
        WebsiteSearchTool()._run(search_query="rain", website="http://127.0.0.1/")


def test_the_name_and_description_of_ones_own_stay() -> None:
    class Own(ScrapeWebsiteTool):
        description: str = "Reads our news."

    class Nothing(BaseModel):
        pass

    assert Own("https://example.com").description == "Reads our news."
    tool = ScrapeWebsiteTool(website_url="https://example.com", name="News", description="x", args_schema=Nothing)
    assert (tool.name, tool.description, tool.args_schema) == ("News", "x", Nothing)
    assert ScrapeWebsiteTool().name == "Read website content"


@pytest.mark.parametrize("given", [True, False])
async def test_the_own_network_is_refused_also_where_the_program_gave_the_address(given: bool) -> None:
    async with website({"/a": PAGE}) as site:
        tool = ScrapeWebsiteTool(f"{site.base}/a") if given else ScrapeWebsiteTool()
        with pytest.raises(PageRefusedError, match="allow_private=True"):
            await tool.arun(**({} if given else {"website_url": f"{site.base}/a"}))
        assert site.asked == []


async def test_an_address_without_http_is_meant_as_https() -> None:
    with pytest.raises(PageRefusedError, match=r"https://127\.0\.0\.1/a is refused"):
        await ScrapeWebsiteTool().arun(website_url="127.0.0.1/a")


async def test_a_status_that_is_no_success_is_an_error() -> None:
    async with website({"/broken": web.Response(status=500, text="<p>secret</p>")}) as site:
        tool = ScrapeWebsiteTool(allow_private=True)
        for path, status in (("/none?key=secret", 404), ("/broken", 500)):
            with pytest.raises(PageError, match=f"answered with status {status}") as caught:
                await tool.arun(website_url=site.base + path)
            assert caught.value.status == status
            assert "secret" not in str(caught.value)


async def test_a_file_that_is_no_text_is_an_error_that_says_so() -> None:
    async with website({"/a.pdf": web.Response(body=b"%PDF", content_type="application/pdf")}) as site:
        with pytest.raises(PageError, match="no text that can be read here, but application/pdf"):
            await ScrapeWebsiteTool(allow_private=True).arun(website_url=f"{site.base}/a.pdf")


async def test_a_long_text_is_cut_and_says_so() -> None:
    async with website({"/a": "<p>" + "word " * 1_000}) as site:
        text = await ScrapeWebsiteTool(f"{site.base}/a", allow_private=True, max_characters=10).arun()
        short = await ScrapeWebsiteTool(f"{site.base}/a", allow_private=True, max_bytes=103).arun()
    assert text == "word word \n\n[Cut: these are the first 10 of 4999 characters.]"
    assert short == "word " * 19 + "word\n\n[Cut: only the first 103 bytes of the page were read.]"


async def test_headers_are_sent_to_the_page_that_was_given() -> None:
    async with website({"/a": PAGE}) as site:
        tool = ScrapeWebsiteTool(f"{site.base}/a", allow_private=True, headers={"Cookie": "session=secret"})
        await tool.arun()
    assert site.asked[0].headers["Cookie"] == "session=secret"
    assert "secret" not in repr(tool)


def test_headers_that_tell_something_need_a_given_page() -> None:
    assert ScrapeWebsiteTool(headers={"User-Agent": "mine"})
    with pytest.raises(BlueprintError, match="'Authorization' would go to every server"):
        ScrapeWebsiteTool(headers={"Authorization": "Bearer x"})


def test_what_is_not_built_says_so_and_what_is_unknown_warns_at_the_users_line() -> None:
    assert ScrapeWebsiteTool(cookies=None)
    with pytest.raises(NotBuiltError, match="cookies"):
        ScrapeWebsiteTool(cookies={"name": "a", "value": "B"})
    with pytest.warns(AiocrewWarning, match="did you mean 'headers'") as seen:
        ScrapeWebsiteTool(header={})
    assert seen[0].filename == __file__


def test_importing_and_making_it_loads_no_aiohttp() -> None:
    program = (
        "import sys\nfrom aiocrew.tools.library.scrape_website import ScrapeWebsiteTool\n"
        "from aiocrew.tools.library.website_search import WebsiteSearchTool\n"
        "ScrapeWebsiteTool('https://example.com'), WebsiteSearchTool()\n"
        "print([name for name in ('aiohttp', 'sqlite3') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
