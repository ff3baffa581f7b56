"""Searching the web with Serper (serper.dev)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from pydantic import BaseModel, Field

from aiocrew.aio.door import run_sync
from aiocrew.aio.pool import run_in_thread
from aiocrew.errors import AiocrewError, MissingKeyError
from aiocrew.net.failures import NetError
from aiocrew.tools.base import BaseTool
from aiocrew.tools.text import clip

__all__ = ["SearchError", "SerperDevTool", "found_in_words"]

_ADDRESS = "https://google.serper.dev"
_KEY = "SERPER_API_KEY"
_PATIENCE_S = 30.0
_LONGEST_SNIPPET, _LONGEST_TEXT, _LONGEST_ERROR = 600, 16_000, 300


class SearchError(AiocrewError):
    """The search gave no result; `status` is the HTTP status, where there was one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _Query(BaseModel):
    search_query: str = Field(description="What to search the internet for.")


class SerperDevTool(BaseTool):
    """Searches the web, or the news, with Google's results by Serper. Its key is SERPER_API_KEY, read at each call.

    n_results: how many results are asked for.
    country, locale, location: Google's `gl` ("us") and `hl` ("en"), and a place in words; empty means unset.
    search_type: "search" or "news".
    search_url: the whole address to post to; without it, it is `base_url` and the search's type.
    base_url: without it, it is SERPER_BASE_URL, else Serper's own.
    save_file: write each result into a file `search_results_....txt` in the current folder, too.
    """

    name: str = "Search the internet with Serper"
    description: str = "Searches the internet for a query and returns titles, links and excerpts of what it finds."
    args_schema: type[BaseModel] | None = _Query
    n_results: int = Field(default=10, ge=1)
    country: str | None = ""
    locale: str | None = ""
    location: str | None = ""
    search_type: Literal["search", "news"] = "search"
    search_url: str | None = None
    base_url: str | None = None
    save_file: bool = False

    def _run(self, search_query: str) -> str:
        """Return what the search found, as text. For code that cannot await.

        Args:
            search_query: What to search the internet for.
        """
        return run_sync(lambda: self._arun(search_query))

    async def _arun(self, search_query: str) -> str:
        """Return what the search found, as text."""
        text = found_in_words(search_query, await self._search(search_query))
        if self.save_file:
            await run_in_thread(_save, text)
        return text

    async def _search(self, query: str) -> dict[str, Any]:
        from aiocrew.net.client import Target  # brings aiohttp, which importing a tool may not load

        key = os.environ.get(_KEY, "").strip()
        if not key:
            raise MissingKeyError(f"searching with Serper needs an API key: set {_KEY}", variables=(_KEY,))
        asked = {"gl": self.country, "hl": self.locale, "location": self.location}
        question = {"q": query, "num": self.n_results} | {name: value for name, value in asked.items() if value}
        target = Target(self._address(), {"X-API-KEY": key})
        try:
            answer = await target.post(msgspec.json.encode(question), _PATIENCE_S, _too_late)
        except NetError as error:
            raise SearchError(f"Serper at {error.host} could not be asked: {error.detail}") from error
        if answer.status != 200:
            said = clip(_message(answer.body).replace(key, "***"), _LONGEST_ERROR)
            raise SearchError(f"Serper answered with status {answer.status}: {said}", status=answer.status)
        try:
            return msgspec.json.decode(answer.body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise SearchError("Serper answered with something that is no JSON object", status=200) from error

    def _address(self) -> str:
        if self.search_url:
            return self.search_url
        base = self.base_url or os.environ.get("SERPER_BASE_URL", "").strip() or _ADDRESS
        return f"{base.rstrip('/')}/{self.search_type}"


def _too_late() -> SearchError:
    return SearchError(f"Serper gave no answer within {_PATIENCE_S:g} s")


def _message(body: bytes) -> str:
    """Return what an error's body says: Serper's `message`, or the text as it is."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any]).get("message")
    except msgspec.DecodeError:
        said = None
    return " ".join(str(said or body.decode(errors="replace")).split()) or "(no message)"


def found_in_words(query: str, found: dict[str, Any]) -> str:
    """Return Serper's answer as text to read; parts that are not as expected are left out."""
    blocks = [*_direct_answers(found)]
    for key in ("organic", "news"):
        for number, item in enumerate(_items(found.get(key)), 1):
            about = ", ".join(_texts(item, "source", "date"))
            lines = [
                *_texts(item, "title"),
                *_texts(item, "link"),
                *([about] if about else []),
                *_texts(item, "snippet"),
            ]
            blocks.append(f"{number}. " + "\n   ".join(lines))
    asked = [": ".join(_texts(item, "question", "snippet")) for item in _items(found.get("peopleAlsoAsk"))]
    if asked:
        blocks.append("People also ask:\n" + "\n".join(f"- {text}" for text in asked))
    if not blocks:
        return f"Nothing was found for {query!r}."
    return clip("\n\n".join([f"Search results for {query!r}:", *blocks]), _LONGEST_TEXT)


def _direct_answers(found: dict[str, Any]) -> Iterator[str]:
    for key, title in (("answerBox", "Answer"), ("knowledgeGraph", "About")):
        for item in _items([found.get(key)]):
            lines = _texts(item, "title", "answer", "snippet", "type", "description", "link", "website")
            if lines:
                yield f"{title}: " + "\n".join(lines)


def _items(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", item) for item in cast("list[Any]", value) if isinstance(item, dict)]


def _texts(item: dict[str, Any], *keys: str) -> list[str]:
    values = (item.get(key) for key in keys)
    return [
        clip(" ".join(str(value).split()), _LONGEST_SNIPPET) for value in values if isinstance(value, str | int | float)
    ]


def _save(text: str) -> None:
    name = f"search_results_{time.strftime('%Y-%m-%d_%H-%M-%S')}_{uuid.uuid4().hex[:8]}.txt"
    part = Path(f".{name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(name)
    finally:
        part.unlink(missing_ok=True)
