"""The tool library, with CrewAI's names; each tool loads when it is first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiocrew.tools.library.csv_search import CSVSearchTool
    from aiocrew.tools.library.directory_read import DirectoryReadTool
    from aiocrew.tools.library.file_read import FileReadTool
    from aiocrew.tools.library.file_writer import FileWriterTool
    from aiocrew.tools.library.scrape_website import ScrapeWebsiteTool
    from aiocrew.tools.library.serper import SerperDevTool
    from aiocrew.tools.library.txt_search import TXTSearchTool
    from aiocrew.tools.library.website_search import WebsiteSearchTool

__all__ = [
    "CSVSearchTool",
    "DirectoryReadTool",
    "FileReadTool",
    "FileWriterTool",
    "ScrapeWebsiteTool",
    "SerperDevTool",
    "TXTSearchTool",
    "WebsiteSearchTool",
]

_HOMES = {
    "CSVSearchTool": "csv_search",
    "DirectoryReadTool": "directory_read",
    "FileReadTool": "file_read",
    "FileWriterTool": "file_writer",
    "ScrapeWebsiteTool": "scrape_website",
    "SerperDevTool": "serper",
    "TXTSearchTool": "txt_search",
    "WebsiteSearchTool": "website_search",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
