from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from aiocrew.tools import BaseTool, tool
from aiocrew.tools.form import wire_name
from aiocrew.tools.toolbox import make_toolbox


class Named(BaseTool):
    description: str = " Does a thing. "

    def _run(self, query: str) -> str:
        return query


def named(name: str) -> Named:
    return Named(name=name)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Search the internet with Serper", "search_the_internet_with_serper"),
        ("getWeather", "getWeather"),
        ("get-weather_2", "get-weather_2"),
        ("Météo: Paris!", "meteo_paris"),
        ("2 step", "tool_2_step"),
        ("検索", "tool"),
        ("-x", "x"),
    ],
)
def test_names_on_the_wire(name: str, wire: str) -> None:
    assert wire_name(name) == wire


@given(st.text())
def test_every_name_is_one_that_providers_take(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", wire_name(name))


@given(st.lists(st.text(min_size=1).filter(str.strip), max_size=6))
def test_names_are_unique_and_lead_back(names: list[str]) -> None:
    tools = [named(name) for name in names]
    box = make_toolbox(tools)
    wires = [spec.name for spec in box.specs]
    assert len(set(wires)) == len(tools)
    assert [box.find(wire) for wire in wires] == tools
    assert all(len(wire) <= 64 for wire in wires)


def test_collisions_get_numbers_and_each_tool_stands_once() -> None:
    first, second = named("Look up"), named("look up")
    box = make_toolbox([first, second, first])
    assert [spec.name for spec in box.specs] == ["look_up", "look_up_2"]
    assert box.find("look_up_2") is second
    assert box.find("look up") is second
    assert [spec.name for spec in make_toolbox([named("x" * 99), named("x" * 98)]).specs] == ["x" * 64, "x" * 62 + "_2"]


@pytest.mark.parametrize(
    "written",
    [
        "Look Up Things",
        "look_up_things",
        '"look up things"',
        "`LookUpThings`",
        "functions.look_up_things",
        " look up things.",
    ],
)
def test_a_name_is_understood_however_it_is_written(written: str) -> None:
    wanted = named("Look up things")
    assert make_toolbox([named("other"), wanted]).find(written) is wanted


def test_unknown_names() -> None:
    assert make_toolbox([named("a")]).find("b") is None
    assert make_toolbox([named("a")]).find("...") is None
    assert make_toolbox([]).find("a") is None
    assert make_toolbox([]).specs == ()


def test_a_spec_is_made_once_until_the_tool_changes() -> None:
    class Other(BaseModel):
        query: str
        page: int = 1

    class Open(Named):
        def _run(self, query: str, page: int = 1) -> str:
            return query

    changing = Open(name="a")
    spec = make_toolbox([changing]).specs[0]
    assert make_toolbox([changing]).specs[0] is spec
    assert spec.description == "Does a thing."
    changing.description = "Something else."
    assert make_toolbox([changing]).specs[0].description == "Something else."
    changing.name = "b"
    assert make_toolbox([changing]).specs[0].name == "b"
    changing.args_schema = Other
    assert "page" in msgspec.json.decode(make_toolbox([changing]).specs[0].parameters)["properties"]


def test_a_change_does_not_reach_a_toolbox_that_is_there() -> None:
    @tool
    def count() -> Any:
        """Count."""

    box = make_toolbox([count])
    count.name, count.result_as_answer = "other", True
    offered = box.look_up("count")
    assert offered is not None
    assert not offered.result_as_answer
