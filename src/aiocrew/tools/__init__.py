"""Tools: what an agent may call, described to a model and run on its behalf."""

from __future__ import annotations

from aiocrew.tools.base import BaseTool, Tool
from aiocrew.tools.decorator import tool

__all__ = ["BaseTool", "Tool", "tool"]
