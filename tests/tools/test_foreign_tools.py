"""Tools of others in tools=: LangChain's and CrewAI's, by their shapes."""

from __future__ import annotations

import threading
from enum import Enum
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, Field, field_validator

from aiocrew.errors import BlueprintError, UsageError
from aiocrew.tools.arguments import Problem, check_values, read_arguments
from aiocrew.tools.base import BaseTool, as_tool
from aiocrew.tools.calling import invoke
from aiocrew.tools.form import form_of


def schema(tool: BaseTool) -> dict[str, Any]:
    """Return the JSON schema that models are shown."""
    return msgspec.json.decode(form_of(tool).spec.parameters)


def checked(tool: BaseTool, text: str) -> Any:
    """Return what becomes of a model's arguments."""
    arguments = read_arguments(text)
    assert arguments is not None
    return check_values(form_of(tool), arguments)


async def outcome(tool: BaseTool, text: str) -> Any:
    """Return what the tool gives for a model's arguments."""
    values = checked(tool, text)
    assert not isinstance(values, Problem), values
    return await invoke(tool, form_of(tool), values)


class Unit(Enum):
    C = "c"
    F = "f"


class Place(BaseModel):
    city: str = Field(description="Where")


class Weather(BaseModel):
    place: Place
    unit: Unit = Unit.C
    days: int = Field(default=1, alias="numberOfDays")


class Structured:
    """What LangChain's StructuredTool has."""

    name = "weather"
    description = "Tells the weather."
    args_schema: Any = Weather
    return_direct = False
    coroutine: Any = None

    def __init__(self, **given: Any) -> None:
        self.seen: list[Any] = []
        vars(self).update(given)

    def invoke(self, arguments: Any, config: Any = None) -> Any:
        self.seen.append(arguments)
        return f"sun {threading.current_thread() is threading.main_thread()}"

    async def ainvoke(self, arguments: Any, config: Any = None) -> Any:
        self.seen.append(arguments)
        return f"async sun {threading.current_thread() is threading.main_thread()}"


async def test_a_structured_tool_keeps_its_schema_and_gets_its_arguments_in_one() -> None:
    theirs = Structured()
    tool = as_tool(theirs)
    assert (tool.name, tool.description, tool.args_schema) == ("weather", "Tells the weather.", Weather)
    assert set(schema(tool)["properties"]) == {"place", "unit", "numberOfDays"}
    assert await outcome(tool, '{"place": {"city": "Rome"}, "numberOfDays": 3}') == "sun False"
    assert theirs.seen == [{"place": Place(city="Rome"), "unit": Unit.C, "numberOfDays": 3}]


async def test_a_tool_with_a_coroutine_is_awaited_on_the_loop() -> None:
    tool = as_tool(Structured(coroutine=lambda: None))
    assert form_of(tool).on_loop
    assert await outcome(tool, '{"place": {"city": "Rome"}}') == "async sun True"


async def test_a_tool_whose_async_side_is_not_implemented_has_a_thread() -> None:
    class OnlySync:
        name = "only_sync"
        description = "Has no async side."
        args_schema = None
        args = {"q": {"type": "string"}}

        async def ainvoke(self, arguments: Any) -> Any:
            raise NotImplementedError("this tool does not support async")

        def invoke(self, arguments: Any) -> Any:
            return f"{arguments['q']} {threading.current_thread() is threading.main_thread()}"

    assert await outcome(as_tool(OnlySync()), '{"q": "x"}') == "x False"


async def test_a_tool_that_takes_one_text_is_shown_what_it_takes() -> None:
    class Single:
        name = "search"
        description = "Finds."
        args_schema = None
        args = {"tool_input": {"type": "string"}, "limit": {"type": "integer", "default": 3}}

        def invoke(self, arguments: Any) -> Any:
            return arguments

    tool = as_tool(Single())
    assert schema(tool) == {"type": "object", "properties": Single.args, "required": ["tool_input"]}
    assert await outcome(tool, '{"tool_input": "x"}') == {"tool_input": "x"}
    assert isinstance(checked(tool, "{}"), Problem)


class City(BaseModel):
    city: str


class CityOf(City):
    user: str = "nobody"


def test_a_schema_without_what_is_injected_comes_first() -> None:
    assert as_tool(Structured(args_schema=CityOf, tool_call_schema=City)).args_schema is City
    assert as_tool(Structured(args_schema=None, args={}, tool_call_schema=City)).args_schema is not City


def test_a_tool_that_needs_what_only_langchain_injects_is_refused_by_name() -> None:
    class Injected(City):
        state: dict[str, Any]

    with pytest.raises(BlueprintError, match=r"'weather' needs 'state'.*give it a default"):
        as_tool(Structured(args_schema=Injected, tool_call_schema=City))


async def test_values_go_under_the_names_that_a_tool_checks_by() -> None:
    class Shown(BaseModel):
        town: str

    class Checked(BaseModel):
        town: str = Field(alias="city")

    tool = as_tool(Structured(args_schema=Checked, tool_call_schema=Shown, invoke=lambda arguments: arguments))
    assert await outcome(tool, '{"town": "Rome"}') == {"city": "Rome"}


async def test_a_none_that_is_only_a_default_is_left_to_the_tool() -> None:
    class Loose(BaseModel):
        q: str
        most: int = None  # type: ignore[assignment]
        kwargs: dict[str, Any] = None  # type: ignore[assignment]

    tool = as_tool(Structured(args_schema=Loose, invoke=Loose.model_validate))
    assert (await outcome(tool, '{"q": "x"}')).model_fields_set == {"q"}
    assert (await outcome(tool, '{"q": "x", "most": 3}')).most == 3


async def test_of_a_message_with_a_result_the_content_counts() -> None:
    message = SimpleNamespace(type="tool", content="sun", artifact=object())
    assert await outcome(as_tool(Structured(args_schema=City, invoke=lambda _: message)), '{"city": "Rome"}') == "sun"


JSON_SCHEMA = {
    "type": "object",
    "properties": {
        "schema": {"type": "string", "description": "of the database"},
        "_x": {"$ref": "#/$defs/X"},
        "limit": {"type": "integer", "default": 5},
    },
    "required": ["schema"],
    "$defs": {"X": {"type": "object", "properties": {"y": {"type": "integer"}}}},
}


async def test_a_json_schema_is_shown_as_it_is_and_optional_values_stay_away() -> None:
    tool = as_tool(Structured(args_schema=JSON_SCHEMA, invoke=lambda arguments: arguments))
    assert schema(tool) == JSON_SCHEMA
    assert await outcome(tool, '{"schema": "public", "_x": {"y": 1}}') == {"schema": "public", "_x": {"y": 1}}
    assert await outcome(tool, '{"schema": "public", "limit": null}') == {"schema": "public", "limit": None}


@pytest.mark.parametrize(("arguments", "problem"), [("{}", "'schema' is missing"), ('{"schema": "a", "b": 1}', "'b'")])
def test_a_json_schema_is_kept_to_by_name(arguments: str, problem: str) -> None:
    tool = as_tool(Structured(args_schema=JSON_SCHEMA))
    found = checked(tool, arguments)
    assert isinstance(found, Problem)
    assert problem in found.text


async def test_a_json_schema_that_lets_more_in_does() -> None:
    given = JSON_SCHEMA | {"additionalProperties": True}
    tool = as_tool(Structured(args_schema=given, invoke=lambda arguments: arguments))
    assert await outcome(tool, '{"schema": "a", "b": 1}') == {"schema": "a", "b": 1}


async def test_a_schema_of_pydantics_first_version_serves() -> None:
    class OfVersionOne:
        @classmethod
        def schema(cls) -> dict[str, Any]:
            return {"title": "S", "type": "object", "properties": {"q": {"title": "Q", "type": "string"}}}

    tool = as_tool(Structured(args_schema=OfVersionOne, invoke=lambda arguments: arguments))
    assert schema(tool) == {"type": "object", "properties": {"q": {"type": "string"}}}
    assert await outcome(tool, '{"q": "x"}') == {"q": "x"}


async def test_a_foreign_tool_can_be_called_by_hand() -> None:
    tool = as_tool(Structured(args_schema=JSON_SCHEMA, invoke=lambda arguments: arguments))
    assert tool.run("public", limit=2) == await tool.arun(schema="public", limit=2) == {"schema": "public", "limit": 2}


# CrewAI's own, and what is like it


class Query(BaseModel):
    query: str
    most: int = 3

    @field_validator("query")
    @classmethod
    def _strip(cls, query: str) -> str:
        return query.strip()


class CrewBase:
    """What CrewAI's BaseTool has."""

    name = "Find it"
    description = "Tool Name: Find it\nTool Description: finds"
    args_schema: Any = Query
    result_as_answer = True
    max_usage_count = 2

    def run(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("it would print and count")

    async def _arun(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def cache_function(args: Any = None, result: Any = None) -> bool:
        return False


async def test_a_tool_of_crewais_runs_in_a_thread_with_named_arguments() -> None:
    class Find(CrewBase):
        def _run(self, query: str, most: int = 1) -> str:
            return f"{query} {most} {threading.current_thread() is threading.main_thread()}"

    tool = as_tool(Find())
    assert (tool.name, tool.description, tool.result_as_answer) == ("Find it", CrewBase.description, True)
    assert (tool.max_usage_count, tool.cache_function()) == (2, False)
    assert form_of(tool).spec.name == "find_it"
    assert await outcome(tool, '{"query": " x "}') == "x 3 False"


async def test_a_tool_of_crewais_with_an_arun_of_its_own_is_awaited() -> None:
    class Find(CrewBase):
        def _run(self, query: str, most: int = 1) -> str:
            raise AssertionError("_arun is there")

        async def _arun(self, query: str, most: int = 1) -> str:
            return f"{query} {threading.current_thread() is threading.main_thread()}"

    assert await outcome(as_tool(Find()), '{"query": "x"}') == "x True"


async def test_a_function_with_a_name_and_a_description_is_enough() -> None:
    def find(query: str, most: int = 3) -> str:
        """Find it."""
        return f"{query} {most}"

    tool = as_tool(SimpleNamespace(name="find", description="Finds.", func=find))
    assert schema(tool)["required"] == ["query"]
    assert await outcome(tool, '{"query": "x"}') == "x 3"


async def test_fields_that_a_function_knows_by_another_name_reach_it() -> None:
    class Renamed(BaseModel):
        inner: str = Field(alias="query")

    tool = as_tool(SimpleNamespace(name="find", description="Finds.", args_schema=Renamed, run=lambda query: query))
    assert await outcome(tool, '{"query": "x"}') == "x"


async def test_what_a_foreign_tool_raises_is_raised() -> None:
    def fail() -> None:
        raise ConnectionError("no line")

    tool = as_tool(SimpleNamespace(name="fail", description="Fails.", func=fail))
    with pytest.raises(ConnectionError, match="no line"):
        await tool.arun()
    with pytest.raises(UsageError, match="no argument 'x'"):
        await tool.arun(x=1)


@pytest.mark.parametrize(
    "candidate",
    [
        Structured,
        SimpleNamespace(name="a", description="b"),
        SimpleNamespace(name="", description="b", run=print),
        SimpleNamespace(name="a", run=print),
        {"name": "a", "description": "b"},
        3,
    ],
)
def test_what_has_no_name_or_does_nothing_is_no_tool(candidate: Any) -> None:
    with pytest.raises(BlueprintError, match="is no tool"):
        as_tool(candidate)
