from __future__ import annotations

import functools
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from aiocrew.errors import BlueprintError
from aiocrew.tools import Tool, tool


def test_with_and_without_a_name() -> None:
    @tool
    def search(query: str) -> str:
        """Search the web.

        Args:
            query: In a few words.
        """
        return f"found {query}"

    @tool("Deep search", result_as_answer=True, max_usage_count=3, cache_function=lambda args, result: False)
    def deep(query: str) -> str:
        """Search deeper."""
        return query

    @tool()
    def plain() -> str:
        """Plain."""
        return "plain"

    assert isinstance(search, Tool)
    assert (search.name, search.description, search.run("x")) == ("search", "Search the web.", "found x")
    assert search.args_schema is not None
    assert search.args_schema.model_json_schema()["properties"]["query"]["description"] == "In a few words."
    assert (deep.name, deep.result_as_answer, deep.max_usage_count) == ("Deep search", True, 3)
    assert plain.run() == "plain"


async def test_async_functions_and_callable_objects() -> None:
    @tool
    async def search(query: str) -> str:
        """Search."""
        return query

    class Caller:
        """Call somebody."""

        async def __call__(self, name: str) -> str:
            return f"calling {name}"

    assert await search.arun(query="x") == "x"
    assert await tool("call")(Caller()).arun(name="Ann") == "calling Ann"


def test_types_that_are_local_to_a_function() -> None:
    class Local(BaseModel):
        size: int

    @tool
    def measure(what: Local) -> int:
        """Measure."""
        return what.size

    assert measure.run(what={"size": 3}) == 3


def test_methods_partials_and_wrapped_functions() -> None:
    class Shop:
        def price(self, item: str, currency: str = "EUR") -> str:
            """Tell a price."""
            return f"{item} {currency}"

    def traced(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return inner

    assert tool(Shop().price).run(item="tea") == "tea EUR"
    assert tool(functools.partial(Shop().price, currency="USD")).run(item="tea") == "tea USD"
    assert tool(traced(Shop().price)).run(item="tea") == "tea EUR"


def test_a_tool_without_a_docstring_or_a_name() -> None:
    with pytest.raises(BlueprintError, match="'silent' needs a docstring"):

        @tool
        def silent() -> None: ...

    with pytest.raises(BlueprintError, match="needs a docstring"):
        tool("Named")(functools.partial(silent_too, 1))
    with pytest.raises(BlueprintError, match="needs a name"):
        tool(lambda: None)
    with pytest.raises(BlueprintError, match="needs a name"):
        tool(" ")(lambda: None)


def silent_too(number: int) -> None: ...


def documented() -> None:
    """Have a docstring."""


def test_functions_that_cannot_be_tools() -> None:
    with pytest.raises(BlueprintError, match="'gen' is a generator"):

        @tool
        def gen() -> Any:
            """Yield."""
            yield 1

    with pytest.raises(BlueprintError, match="'method' takes `self`"):

        @tool
        def method(self: Any, x: int) -> None:
            """A method."""

    with pytest.raises(ValidationError, match="max_usage_count"):
        tool("x", max_usage_count=0)(documented)
