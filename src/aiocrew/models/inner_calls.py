"""What LLMs use while a model that was made of one of them answers: it counts as used by that model."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import msgspec

from aiocrew.aio.variables import set_back
from aiocrew.types.context import Here, here
from aiocrew.types.usage import Usage

__all__ = ["counting_inner_calls", "inner_counter"]

_used: ContextVar[list[Usage] | None] = ContextVar("aiocrew_used_inside", default=None)


@contextmanager
def counting_inner_calls() -> Generator[list[Usage]]:
    """Collect what LLM.call and LLM.acall use inside. They pass no pace and no budget: whoever opens this has."""
    used: list[Usage] = []
    where = here.get()
    token, here_token = _used.set(used), here.set(None if where is None else _free(where))
    try:
        yield used
    finally:
        set_back(here_token)
        set_back(token)


def inner_counter() -> tuple[Callable[..., Any], ...]:
    """Return the callback that counts a call for the model that makes it; nothing where no model does."""
    used = _used.get()
    return () if used is None else (partial(_count, used),)


async def _count(used: list[Usage], kwargs: Any, response: Any, started: Any, ended: Any) -> None:
    usage = response.usage
    used.append(
        Usage(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_prompt_tokens=usage.prompt_tokens_details.cached_tokens,
            cache_creation_tokens=usage.cache_creation_input_tokens,
            reasoning_tokens=usage.completion_tokens_details.reasoning_tokens,
        )
    )


def _free(where: Here) -> Here:
    """Return the same step on terms that cost nothing."""
    replace = msgspec.structs.replace
    return replace(where, pace=None, run=replace(where.run, terms=replace(where.run.terms, purses=(), pace=None)))
