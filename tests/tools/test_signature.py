from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import pytest
from pydantic import BaseModel, Field, RootModel

from aiocrew.errors import BlueprintError
from aiocrew.tools.signature import arguments_model, json_schema


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    title: str
    zip: str = ""


def schema(function: Callable[..., Any]) -> dict[str, Any]:
    return msgspec.json.decode(json_schema(arguments_model(function, "t"), "t"))


def test_kinds_of_annotations() -> None:
    def look(
        query: Annotated[str, Field(description="What", min_length=2)],
        place: Place,
        how: Literal["fast", "well"] = "fast",
        colour: Colour = Colour.RED,
        tags: list[str] | None = None,
        limit: int = None,  # type: ignore[assignment]  # noqa: RUF013 - people write this
        note: Annotated[str, "A remark"] = "",
        old: str = Field(default="x", description="As older code has it"),
    ) -> None: ...

    told = schema(look)
    assert told["required"] == ["query", "place"]
    properties = told["properties"]
    assert properties["query"] == {"type": "string", "minLength": 2, "description": "What"}
    assert properties["how"] == {"type": "string", "enum": ["fast", "well"], "default": "fast"}
    assert properties["limit"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
    assert properties["note"]["description"] == "A remark"
    assert properties["old"] == {"type": "string", "default": "x", "description": "As older code has it"}
    assert told["$defs"]["Colour"]["enum"] == ["red", "blue"]


def test_titles_go_but_a_field_named_title_stays() -> None:
    def visit(place: Place, title: str) -> None: ...

    told = schema(visit)
    assert set(told) == {"properties", "$defs", "required", "type"}
    assert told["properties"]["title"] == {"type": "string"}
    assert set(told["$defs"]["Place"]["properties"]) == {"title", "zip"}


def test_without_annotations_the_default_tells_the_type() -> None:
    def look(query, limit=3, deep=False, where=()): ...  # type: ignore[no-untyped-def]

    properties = schema(look)["properties"]
    assert properties["query"] == {}
    assert properties["limit"]["type"] == "integer"
    assert properties["deep"]["type"] == "boolean"
    assert "type" not in properties["where"]


def test_docstrings_describe_parameters() -> None:
    def look(query: str, limit: Annotated[int, Field(description="From the field")] = 3) -> None:
        """Look.

        Args:
            query: From the docstring.
            limit: Not this.
        """

    properties = schema(look)["properties"]
    assert properties["query"]["description"] == "From the docstring."
    assert properties["limit"]["description"] == "From the field"


def test_names_that_pydantic_has_for_itself() -> None:
    def look(json: str, copy: int, model_config: str, _hidden: str, schema: str) -> None: ...

    assert list(schema(look)["properties"]) == ["json", "copy", "model_config", "_hidden", "schema"]


def test_any_other_keyword() -> None:
    def look(query: str, **more: Any) -> None: ...

    assert schema(look)["additionalProperties"] is True
    assert "additionalProperties" not in schema(lambda query: None)


def test_no_parameters() -> None:
    assert schema(lambda: None) == {"type": "object", "properties": {}}


def test_a_default_that_json_cannot_hold_is_left_out() -> None:
    def look(query: str, marker: Any = object) -> None: ...

    assert schema(look)["properties"]["marker"] == {}


def positional(query, /): ...  # type: ignore[no-untyped-def]


def many(*queries): ...  # type: ignore[no-untyped-def]


def method(self, query): ...  # type: ignore[no-untyped-def]


def unknown(query: Nowhere): ...  # type: ignore[name-defined]  # noqa: F821


def function(query: Callable[[], None]): ...  # type: ignore[no-untyped-def]


@pytest.mark.parametrize("bad", [positional, many, method, unknown, function])
def test_unusable_signatures_name_the_tool(bad: Callable[..., Any]) -> None:
    with pytest.raises(BlueprintError, match="'my tool'"):
        json_schema(arguments_model(bad, "my tool"), "my tool")


def test_a_schema_that_is_no_object() -> None:
    with pytest.raises(BlueprintError, match="no object"):
        json_schema(RootModel[list[int]], "t")
