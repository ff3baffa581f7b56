"""Tools that are ready to use."""

from __future__ import annotations

from aiocrew.tools.library.serper import SerperDevTool

__all__ = ["SerperDevTool"]
