from __future__ import annotations

import asyncio
import copy
import warnings
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from aiocrew.errors import BlueprintError, NotBuiltError, UsageError
from aiocrew.tools import BaseTool, Tool, tool
from aiocrew.tools.base import as_tool, as_tools
from aiocrew.types.blueprint import AiocrewWarning


class Place(BaseModel):
    city: str


class Weather(BaseTool):
    name: str = "Weather"
    description: str = "Tells the weather."

    def _run(self, place: Place, days: int = 1) -> str:
        return f"{place.city}:{days}"


class AsyncWeather(BaseTool):
    name: str = "Weather"
    description: str = "Tells the weather."

    async def _run(self, city: str) -> str:
        await asyncio.sleep(0)
        return city


def test_the_schema_comes_from_the_method_and_the_description_stays() -> None:
    weather = Weather()
    assert weather.args_schema is not None
    assert list(weather.args_schema.model_json_schema()["properties"]) == ["place", "days"]
    assert weather.description == "Tells the weather."


async def test_run_and_arun_check_and_convert() -> None:
    assert Weather().run(place={"city": "Rome"}, days="2") == "Rome:2"
    assert Weather().run({"city": "Rome"}, 2) == "Rome:2"
    assert await Weather().arun(place=Place(city="Rome")) == "Rome:1"
    with pytest.raises(UsageError, match="'place' is missing"):
        Weather().run()
    with pytest.raises(UsageError, match="takes 2 arguments"):
        Weather().run(1, 2, 3)


def test_an_async_tool_runs_from_synchronous_code() -> None:
    assert AsyncWeather().run(city="Oslo") == "Oslo"


async def test_an_async_tool_runs_from_inside_a_loop_too() -> None:
    assert AsyncWeather().run("Oslo") == "Oslo"
    assert await AsyncWeather().arun("Oslo") == "Oslo"


async def test_a_synchronous_run_that_returns_an_awaitable_is_awaited() -> None:
    class Late(BaseTool):
        name: str = "late"
        description: str = "Late."

        def _run(self) -> Any:
            return AsyncWeather()._run("Bern")

    assert await Late().arun() == "Bern"
    assert Late().run() == "Bern"


async def test_a_stub_of_arun_is_no_arun() -> None:
    class Stub(Weather):
        async def _arun(self, *args: Any, **kwargs: Any) -> str:
            raise NotImplementedError("no async here")

    class EmptyStub(Weather):
        async def _arun(self) -> str:
            raise NotImplementedError

    assert await Stub().arun(place=Place(city="Rome")) == "Rome:1"
    assert await EmptyStub().arun(place=Place(city="Rome")) == "Rome:1"


async def test_arun_is_preferred_where_there_is_a_loop() -> None:
    class Both(BaseTool):
        name: str = "both"
        description: str = "Both."

        def _run(self) -> str:
            return "in a thread"

        async def _arun(self) -> str:
            return "on the loop"

    assert await Both().arun() == "on the loop"
    assert Both().run() == "in a thread"


def test_subclasses_have_their_own_fields_init_and_config() -> None:
    class Counter(BaseTool):
        model_config = ConfigDict(extra="allow")
        name: str = "counter"
        description: str = "Counts."
        step: int = Field(default=1, alias="by")
        _count: int = PrivateAttr(default=0)

        def __init__(self, start: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._count = start
            self.description = f"Counts from {start}."
            self._generate_description()

        def _run(self) -> int:
            self._count += self.step
            return self._count

    counter = Counter(5, by=2, colour="red")
    assert counter.run() == 7
    assert counter.description == "Counts from 5."
    assert counter.colour == "red"  # type: ignore[attr-defined]


def test_a_schema_given_later_is_used() -> None:
    class Late(BaseModel):
        what: str

    class Open(BaseTool):
        name: str = "open"
        description: str = "Open."

        def _run(self, **kwargs: Any) -> Any:
            return kwargs

    opened = Open()
    assert opened.run(anything=1) == {"anything": 1}
    opened.args_schema = Late
    assert opened.run(what="x") == {"what": "x"}


def test_tools_are_copied_and_compared() -> None:
    weather = Weather()
    assert weather == Weather()
    assert copy.deepcopy(weather).run(place={"city": "Rome"}) == "Rome:1"
    assert weather.model_copy(update={"name": "W"}).name == "W"
    assert "_aiocrew_form" not in weather.model_dump()


def test_a_frozen_tool() -> None:
    class Frozen(Weather):
        model_config = ConfigDict(frozen=True)

    assert Frozen().args_schema is not None


def test_unusable_tools_fail_when_defined() -> None:
    with pytest.raises(BlueprintError, match=r"Bad.*by position only"):

        class Bad(BaseTool):
            name: str = "bad"
            description: str = "Bad."

            def _run(self, query: str, /) -> str:
                return query

    class Nothing(BaseTool):
        name: str = "nothing"
        description: str = "Nothing."

    with pytest.raises(BlueprintError, match=r"'nothing'.*neither"):
        Nothing()
    with pytest.raises(BlueprintError, match="needs a name"):
        Weather(name=" ")


def test_a_schema_that_does_not_match_the_method() -> None:
    class Other(BaseModel):
        query: str

    with pytest.raises(BlueprintError, match=r"'query'.*does not take it"):
        Weather(args_schema=Other)

    class Needs(BaseTool):
        name: str = "needs"
        description: str = "Needs."
        args_schema: type[BaseModel] = Other

        def _run(self, query: str, key: str) -> str:
            return query

    with pytest.raises(BlueprintError, match="needs 'key'"):
        Needs()


def test_keywords_that_are_not_built_and_unknown_ones() -> None:
    assert Weather(current_usage_count=0, result_schema=None).name == "Weather"
    with pytest.raises(NotBuiltError, match="result_schema"):
        Weather(result_schema=Place)
    with pytest.warns(AiocrewWarning, match="did you mean 'max_usage_count'") as caught:
        Weather(max_usage_counts=3)
    assert caught[0].filename == __file__

    with pytest.raises(NotBuiltError, match="result_schema"):

        class Result(Weather):
            result_schema: Any = Place


def test_tools_by_hand() -> None:
    def add(a: int, b: int) -> int:
        return a + b

    adder = Tool(name="add", description="Adds.", func=add)
    assert adder.run(a=1, b="2") == 3
    assert adder.func(1, 2) == 3


def test_what_is_no_tool_says_how_to_make_one() -> None:
    def plain() -> None: ...

    weather = Weather()
    assert as_tool(weather) is weather
    with pytest.raises(BlueprintError, match=r"'plain'.*@tool"):
        as_tool(plain)
    with pytest.raises(BlueprintError, match=r"write Weather\(\)"):
        as_tool(Weather)
    with pytest.raises(BlueprintError, match="no tool"):
        as_tool({"name": "x"})


@tool
def shout(text: str) -> str:
    """Shout."""
    return text.upper()


def test_nothing_is_warned_about_on_the_way() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Weather().run(place={"city": "Rome"})
        shout.run("x")
    assert caught == []


@pytest.mark.parametrize("given", [7, "search", {"a": 1}])
def test_tools_that_are_no_list_are_refused_in_words(given) -> None:
    with pytest.raises(BlueprintError, match=r"tools takes a list of tools, not .*: write tools=\[\.\.\.\]"):
        as_tools(given)
