"""Reading a website."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, Field

from aiocrew.aio.door import run_sync
from aiocrew.tools.library.website_tool import WebsiteTool

__all__ = ["ScrapeWebsiteTool"]


class _GivenWebsite(BaseModel):
    pass


class _AnyWebsite(BaseModel):
    website_url: str = Field(description="The address of the website to read.")


class ScrapeWebsiteTool(WebsiteTool):
    """Reads a page and returns its text. `ScrapeWebsiteTool("https://example.com/a")` reads that page only.

    website_url: the page; without it, the model says which.
    max_characters: how much text is returned at most; it then says that it was cut.
    """

    name: str = "Read website content"
    description: str = "Reads a page of a website and returns its text."
    args_schema: type[BaseModel] | None = _AnyWebsite
    website_url: str | None = None
    max_characters: int = Field(default=40_000, ge=1)

    url_field: ClassVar[str] = "website_url"
    arguments_with_url: ClassVar[type[BaseModel] | None] = _GivenWebsite
    description_with_url: ClassVar[str] = "Reads the page {url} and returns its text."
    frames_to_caller: ClassVar[int] = WebsiteTool.frames_to_caller + 1  # __init__ below

    def __init__(self, website_url: str | None = None, **data: Any) -> None:
        super().__init__(website_url=website_url, **data)

    def _run(self, website_url: str | None = None) -> str:
        return run_sync(lambda: self._arun(website_url))

    async def _arun(self, website_url: str | None = None) -> str:
        page, text = await self._read(website_url)
        if len(text) > self.max_characters:
            note = f"[Cut: these are the first {self.max_characters} of {len(text)} characters.]"
        elif page.truncated:
            note = f"[Cut: only the first {len(page.body)} bytes of the page were read.]"
        else:
            return text
        return f"{text[: self.max_characters]}\n\n{note}"
