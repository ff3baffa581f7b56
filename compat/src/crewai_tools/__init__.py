"""The import name of CrewAI's tool library, served by aiocrew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocrew import BaseTool, Tool, tool
from crewai._served import require_alone, serve

if TYPE_CHECKING:
    from aiocrew.tools.library import (
        CSVSearchTool,
        DirectoryReadTool,
        FileReadTool,
        FileWriterTool,
        ScrapeWebsiteTool,
        SerperDevTool,
        TXTSearchTool,
        WebsiteSearchTool,
    )

__all__ = [
    "BaseTool",
    "CSVSearchTool",
    "DirectoryReadTool",
    "FileReadTool",
    "FileWriterTool",
    "ScrapeWebsiteTool",
    "SerperDevTool",
    "TXTSearchTool",
    "Tool",
    "WebsiteSearchTool",
    "tool",
]

require_alone("crewai-tools")
serve(__name__, later={name: "aiocrew.tools.library" for name in __all__ if name not in ("BaseTool", "Tool", "tool")})
