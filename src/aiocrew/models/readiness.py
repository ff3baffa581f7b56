"""What a crew's first call needs, loaded when the crew is written down and not when it runs."""

from __future__ import annotations

import os
import sys
from typing import Any

from aiocrew.aio.pool import run_in_thread
from aiocrew.models.llm import LLM
from aiocrew.models.providers import OFFLINE

__all__ = ["client_loaded", "load_client"]

_CLIENT = "aiocrew.models.chat"


def load_client(llm: Any) -> None:
    """Load what makes calls, aiohttp with it, unless `llm`, as it stands in an agent, is a model that needs none.

    That takes 0.2 s. The first call would spend them on the running loop, with every other crew waiting; a crew is
    mostly written down before there is a loop.
    """
    if _may_call_out(llm):
        from aiocrew.models import chat as chat
        from aiocrew.net import client as client


async def client_loaded(llm: Any) -> None:
    """Return when what `load_client` loads is there; a thread loads it, for a loop that is running already."""
    if _CLIENT not in sys.modules and _may_call_out(llm):
        await run_in_thread(load_client, llm)


def _may_call_out(llm: Any) -> bool:
    name = llm.model if isinstance(llm, LLM) else llm
    if name is None:
        name = os.environ.get("OPENAI_MODEL_NAME") or os.environ.get("MODEL") or ""
    # Anything else is a user's own model: it loads what it needs.
    return isinstance(name, str) and not name.strip().startswith((f"{OFFLINE}/", f"{OFFLINE}:"))
