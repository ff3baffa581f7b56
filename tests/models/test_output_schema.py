"""A pydantic class as a schema: what strict modes are told, and what cannot be said to them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from aiocrew.errors import BlueprintError
from aiocrew.models.output_schema import schema_of, strict_form

JSON = dict[str, Any]


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Inner(BaseModel):
    x: int = 3


class Answer(BaseModel):
    name: str = Field(min_length=2, pattern="^[a-z]+$", description="Who it is")
    inner: Inner | None = None
    moods: list[Mood] = Field(default=[], max_length=4)
    default: Literal["title"] = "title"


class Node(BaseModel):
    value: int
    children: list[Node] = []


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Pets(BaseModel):
    pets: list[Annotated[Union[Cat, Dog], Field(discriminator="kind")]]  # noqa: UP007 - as people write it


def strict(cls: type[BaseModel]) -> JSON | None:
    return strict_form(schema_of(cls))


def objects(schema: Any) -> list[JSON]:
    """Give every object that a schema describes."""
    if isinstance(schema, list):
        return [found for item in schema for found in objects(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" else []
    return own + [found for value in schema.values() for found in objects(value)]


def test_every_field_is_required_and_no_other_is_allowed() -> None:
    schema = strict(Answer)
    assert schema is not None
    assert [(list(one["properties"]), one["required"], one["additionalProperties"]) for one in objects(schema)] == [
        (["name", "inner", "moods", "default"], ["name", "inner", "moods", "default"], False),
        (["x"], ["x"], False),
    ]
    assert schema["properties"]["inner"] == {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]}
    assert schema["$defs"]["Inner"]["properties"]["x"] == {"type": "integer"}


def test_limits_of_values_are_said_in_words() -> None:
    schema = strict(Answer)
    assert schema is not None
    assert schema["properties"]["name"] == {
        "type": "string",
        "description": "Who it is (pattern: ^[a-z]+$, minLength: 2)",
    }
    assert schema["properties"]["moods"] == {
        "type": "array",
        "items": {"$ref": "#/$defs/Mood"},
        "description": "(maxItems: 4)",
    }
    assert schema["$defs"]["Mood"] == {"type": "string", "enum": ["good", "bad"]}


def test_a_class_that_refers_to_itself_is_an_object_all_the_same() -> None:
    schema = strict(Node)
    assert schema is not None
    assert (schema["type"], "$ref" in schema) == ("object", False)
    assert schema["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Node"}}


def test_tagged_unions_are_told_apart_by_their_tags() -> None:
    schema = strict(Pets)
    assert schema is not None
    assert schema["properties"]["pets"]["items"] == {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}


class WithDict(BaseModel):
    scores: dict[str, int]


class WithAny(BaseModel):
    anything: Any


class WithPair(BaseModel):
    pair: tuple[int, str]


class WithList(BaseModel):
    items: list  # type: ignore[type-arg]


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Empty(BaseModel):
    pass


class Deep1(BaseModel):
    x: int


class Deep2(BaseModel):
    deep: Deep1


class Deep3(BaseModel):
    deep: Deep2


class Deep4(BaseModel):
    deep: Deep3


class Deep5(BaseModel):
    deep: list[Deep4]


class Deep6(BaseModel):
    deep: Deep5 | None


MANY = create_model("Many", **{f"field_{n}": (int, ...) for n in range(101)})  # type: ignore[call-overload]


@pytest.mark.parametrize("cls", [WithDict, WithAny, WithPair, WithList, Open, Empty, Deep6, MANY])
def test_what_strict_modes_cannot_say_is_not_said_strictly(cls: type[BaseModel]) -> None:
    assert strict(cls) is None


def test_five_levels_are_strict() -> None:
    assert strict(Deep5) is not None


def test_titles_are_left_out_and_fields_of_that_name_are_not() -> None:
    class Book(BaseModel):
        title: str = "title"
        properties: list[str]

    schema = schema_of(Book)
    assert "title" not in schema
    assert schema["properties"]["title"] == {"type": "string", "default": "title"}
    assert strict(Book) == {
        "type": "object",
        "properties": {"title": {"type": "string"}, "properties": {"type": "array", "items": {"type": "string"}}},
        "required": ["title", "properties"],
        "additionalProperties": False,
    }


class WithFunction(BaseModel):
    function: Callable[[], int]


class Arbitrary:
    pass


class WithArbitrary(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    thing: Arbitrary


class Names(RootModel[list[str]]):
    pass


@pytest.mark.parametrize(
    ("cls", "why"), [(WithFunction, "WithFunction.*JSON"), (WithArbitrary, "WithArbitrary.*JSON"), (Names, "a field")]
)
def test_a_class_that_can_be_no_answer_says_why(cls: type[BaseModel], why: str) -> None:
    with pytest.raises(BlueprintError, match=why):
        schema_of(cls)


class Mixed(BaseModel):
    either: Literal[1, "a", None]


def test_values_of_several_types_are_not_said_strictly() -> None:
    assert strict(Mixed) is None


class Described(BaseModel):
    mood: Mood = Field(description="Of the writer")
    node: Node = Field(description="The first")
    plain: Mood


def test_what_a_field_is_good_for_is_said_though_a_reference_stands_alone() -> None:
    schema = strict(Described)
    assert schema is not None
    fields = schema["properties"]
    assert fields["mood"] == {"type": "string", "enum": ["good", "bad"], "description": "Of the writer"}
    assert (fields["node"]["description"], fields["node"]["required"]) == ("The first", ["value", "children"])
    assert fields["node"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert fields["plain"] == {"$ref": "#/$defs/Mood"}


def test_a_class_that_is_too_much_when_it_is_written_out_stays_a_reference() -> None:
    inner = create_model("Inner", **dict.fromkeys([f"f{n}" for n in range(40)], (int, ...)))  # type: ignore[call-overload]
    described = (inner, Field(description="One of them"))
    schema = strict(create_model("Outer", a=described, b=described, c=described))
    assert schema is not None
    assert schema["properties"]["a"] == {"$ref": "#/$defs/Inner"}
