"""Searching inside a website."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from aiocrew.aio.door import run_sync
from aiocrew.aio.pool import run_in_thread
from aiocrew.tools.library.text_search import best_passages
from aiocrew.tools.library.website_tool import WebsiteTool
from aiocrew.tools.text import clip

__all__ = ["WebsiteSearchTool"]


class _GivenWebsite(BaseModel):
    search_query: str = Field(description="What to look for, in words.")


class _AnyWebsite(_GivenWebsite):
    website: str = Field(description="The address of the website to search.")


class WebsiteSearchTool(WebsiteTool):
    """Searches inside a page and returns the passages that fit. `WebsiteSearchTool("https://example.com/a")` searches
    that page only.

    What holds the words of the query is found, the rarer a word the more it counts; there is no model in it, so no key
    is needed, and a synonym is not found.

    website: the page; without it, the model says which.
    limit: how many passages are returned at most.
    max_characters: how much text is returned at most; it then says that it was cut.
    """

    name: str = "Search in a specific website"
    description: str = "Searches a page of a website for words and returns the passages that fit best."
    args_schema: type[BaseModel] | None = _AnyWebsite
    website: str | None = None
    limit: int = Field(default=5, ge=1)
    max_characters: int = Field(default=40_000, ge=1)

    url_field: ClassVar[str] = "website"
    arguments_with_url: ClassVar[type[BaseModel] | None] = _GivenWebsite
    description_with_url: ClassVar[str] = "Searches the page {url} for words and returns the passages that fit best."
    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **WebsiteTool.not_built,
        "adapter": (None,),
        "collection_name": (None,),
        "config": (None, {}),
        "similarity_threshold": (None,),
        "summarize": (False, None),
    }
    frames_to_caller: ClassVar[int] = WebsiteTool.frames_to_caller + 1  # __init__ below

    def __init__(self, website: str | None = None, **data: Any) -> None:
        super().__init__(website=website, **data)

    def _run(self, search_query: str, website: str | None = None) -> str:
        return run_sync(lambda: self._arun(search_query, website))

    async def _arun(self, search_query: str, website: str | None = None) -> str:
        page, text = await self._read(website)
        found = await run_in_thread(best_passages, [(page.url, text)], search_query, self.limit)
        shown, asked = clip(page.url.partition("?")[0], 300), clip(search_query, 200)
        notes: list[str] = []
        if page.truncated:
            notes.append(f"[Only the first {len(page.body)} bytes of the page were searched.]")
        if not found:
            return "\n\n".join([f"Nothing in {shown} holds a word of {asked!r}.", *notes])
        places = [f"{number}. {passage.text}" for number, passage in enumerate(found, 1)]
        answer = "\n\n".join([f"Found in {shown} for {asked!r}, the best first:", *places])
        if len(answer) > self.max_characters:
            notes.append(f"[Cut: these are the first {self.max_characters} of {len(answer)} characters.]")
        return "\n\n".join([answer[: self.max_characters], *notes])
