"""A context variable that is set for a block has its former value behind it, and no other context is touched."""

from __future__ import annotations

from collections.abc import Generator
from contextvars import ContextVar, copy_context

from aiocrew.aio.variables import set_back

place: ContextVar[str] = ContextVar("place")


def inside() -> Generator[None]:
    token = place.set("inside")
    try:
        yield
    finally:
        set_back(token)


def test_the_former_value_is_back() -> None:
    place.set("outside")
    set_back(place.set("inside"))
    assert place.get() == "outside"


def test_what_ends_in_another_context_ends_quietly_and_changes_nothing_there() -> None:
    block = inside()
    copy_context().run(next, block)
    place.set("elsewhere")
    block.close()
    assert place.get() == "elsewhere"
