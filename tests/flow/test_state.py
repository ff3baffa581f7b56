"""With which state a run begins."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field

from aiocrew.errors import BlueprintError
from aiocrew.flow import Flow, FlowState, start
from aiocrew.flow.state import begin_state, id_of


class Poem(BaseModel):
    topic: str = "the sea"
    lines: list[str] = Field(default_factory=list)


class Poet(Flow[Poem]):
    @start()
    def write(self) -> str:
        self.state.lines.append(f"of {self.state.topic}")
        return self.state.lines[-1]


class Free(Flow):
    @start()
    def write(self) -> str:
        self.state["seen"] = self.state.get("seen", 0) + 1
        return str(self.state.get("topic"))


async def test_the_type_in_brackets_makes_the_state_and_inputs_fill_it() -> None:
    flow = Poet()
    assert flow.state == Poem()
    assert await flow.kickoff_async({"topic": "rain"}) == "of rain"
    assert flow.state == Poem(topic="rain", lines=["of rain"])
    assert type(flow.state) is Poem


async def test_without_a_type_the_state_is_a_dict_with_the_runs_id() -> None:
    flow = Free()
    assert flow.state == {}
    assert await flow.kickoff_async({"topic": "rain"}) == "rain"
    assert flow.state == {"topic": "rain", "seen": 1, "id": flow.flow_id}
    assert flow.flow_id
    first = flow.flow_id
    await flow.kickoff_async()
    assert flow.flow_id != first
    await flow.kickoff_async({"id": "mine"})
    assert flow.flow_id == "mine"


@pytest.mark.parametrize("kind", [dict, dict[str, Any], Any])
async def test_a_dict_may_be_named(kind: Any) -> None:
    class Named(Flow[kind]):
        @start()
        def write(self) -> None:
            self.state["seen"] = True

    flow = Named()
    await flow.kickoff_async()
    assert flow.state["seen"] is True


@pytest.mark.parametrize("initial", [Poem, Poem(topic="snow"), {"topic": "snow"}])
async def test_an_initial_state_is_never_changed(initial: Any) -> None:
    class Declared(Flow):
        initial_state = initial

        @start()
        def write(self) -> None:
            if isinstance(self.state, dict):
                self.state.setdefault("lines", []).append("a line")
            else:
                self.state.lines.append("a line")

    before = initial.model_copy(deep=True) if isinstance(initial, Poem) else initial
    for flow in (Declared(), Declared()):
        await flow.kickoff_async()
        lines = flow.state["lines"] if isinstance(flow.state, dict) else flow.state.lines
        assert lines == ["a line"]
    assert initial == before


async def test_an_initial_state_may_be_an_argument() -> None:
    class Given(Flow):
        @start()
        def topic(self) -> str:
            return self.state.topic

    assert await Given(initial_state=Poem(topic="snow")).kickoff_async() == "snow"


async def test_further_arguments_are_values_of_the_state() -> None:
    assert await Poet(topic="fog").kickoff_async() == "of fog"
    with pytest.raises(BlueprintError, match="'colour'"):
        Poet(colour="red")


async def test_inputs_that_do_not_fit_name_key_and_flow() -> None:
    with pytest.raises(BlueprintError, match=r"flow 'Poet' was given 'colour', but its state Poem has no such field"):
        await Poet().kickoff_async({"colour": "red"})
    with pytest.raises(BlueprintError, match=r"(?s)flow 'Poet' .*topic"):
        await Poet().kickoff_async({"topic": 7})


async def test_a_model_that_takes_any_field_takes_any_input() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        topic: str = "the sea"

    class Taking(Flow[Open]):
        @start()
        def write(self) -> str:
            return f"{self.state.topic} in {self.state.colour}"

    flow = Taking()
    flow.state.colour = "blue"
    assert await flow.kickoff_async({"topic": "rain"}) == "rain in blue"


async def test_a_field_without_a_default_may_come_with_the_inputs() -> None:
    class Needy(BaseModel):
        topic: str = Field(alias="subject")

    class Needing(Flow[Needy]):
        @start()
        def write(self) -> str:
            return self.state.topic

    assert await Needing().kickoff_async({"topic": "rain"}) == "rain"
    assert await Needing().kickoff_async({"subject": "rain"}) == "rain"
    with pytest.raises(BlueprintError, match="'Needing'"):
        await Needing().kickoff_async()


async def test_aliases_hold_for_inputs_however_deep() -> None:
    class Author(BaseModel):
        name: str = Field(alias="fullName")

    class Aliased(BaseModel):
        author: Author
        topic: str = Field("the sea", validation_alias=AliasChoices("subject", AliasPath("about", 0), "theme"))

    class Naming(Flow[Aliased]):
        @start()
        def name(self) -> str:
            return f"{self.state.author.name} on {self.state.topic}"

    flow = Naming()
    assert await flow.kickoff_async({"author": {"fullName": "Ada"}, "subject": "rain"}) == "Ada on rain"
    assert await flow.kickoff_async({"author": {"name": "Ada"}, "theme": "snow"}) == "Ada on snow"
    assert await flow.kickoff_async({"author": Author(fullName="Ada"), "topic": "fog"}) == "Ada on fog"


async def test_each_run_has_its_own_id_unless_it_is_given() -> None:
    class Known(FlowState):
        topic: str = ""

    class Knowing(Flow[Known]):
        @start()
        def write(self) -> str:
            return self.state.id

    flow = Knowing()
    assert flow.state.id
    first, second = await flow.kickoff_async(), await flow.kickoff_async()
    assert first != second
    assert flow.flow_id == second
    flow.state.topic = "rain"
    assert await flow.kickoff_async() not in (first, second)
    assert await flow.kickoff_async({"id": "mine"}) == "mine"


class Naming(Flow[Poem]):
    @start()
    def name(self) -> str:
        return self.state.id  # pyright: ignore[reportAttributeAccessIssue]


async def test_a_model_without_an_id_shows_the_runs_and_stays_as_it_was_written() -> None:
    flow = Naming()
    first, second = await flow.kickoff_async(), await flow.kickoff_async()
    assert first
    assert first != second
    assert flow.flow_id == second
    assert flow.state == Poem()
    assert type(flow.state) is Poem
    assert flow.state.model_dump() == {"topic": "the sea", "lines": []}
    flow.state.topic = "rain"
    assert await flow.kickoff_async() not in (first, second)


async def test_an_input_id_names_the_run_of_a_model_without_one() -> None:
    flow = Naming()
    assert await flow.kickoff_async({"id": "mine", "topic": "rain"}) == "mine"
    assert flow.state == Poem(topic="rain")
    assert await flow.kickoff_async() != "mine"
    with pytest.raises(BlueprintError, match="'colour'"):
        await flow.kickoff_async({"id": "mine", "colour": "red"})


@pytest.mark.parametrize("extra", ["allow", "forbid", "ignore"])
async def test_a_runs_id_is_no_extra_of_its_model(extra: Literal["allow", "forbid", "ignore"]) -> None:
    class Kept(BaseModel):
        model_config = ConfigDict(extra=extra, frozen=True)
        topic: str = "the sea"

    flow = Flow[Kept]
    state = begin_state(None, Kept, {"id": "mine"}, flow.__name__, "run")
    assert id_of(state) == "mine"
    assert id_of(begin_state(state, Kept, None, flow.__name__, "run")) == ("mine" if extra == "allow" else "run")


async def test_what_a_model_itself_calls_id_is_left_to_it() -> None:
    class Own(BaseModel):
        number: int = 7

        @property
        def id(self) -> str:
            return f"number {self.number}"

    class Owning(Flow[Own]):
        @start()
        def name(self) -> str:
            return self.state.id

    assert await Owning().kickoff_async() == "number 7"
    with pytest.raises(BlueprintError, match="'id'"):
        await Owning().kickoff_async({"id": "mine"})


async def test_reading_the_state_between_runs_changes_nothing() -> None:
    class Measured(Poem):
        @cached_property
        def length(self) -> int:
            return len(self.lines)

    class Measuring(Flow[Measured]):
        @start()
        def write(self) -> int:
            self.state.lines.append("a line")
            return len(self.state.lines)

    flow = Measuring()
    assert flow.state.length == 0
    assert await flow.kickoff_async() == 1
    assert flow.state.length == 1
    assert await flow.kickoff_async() == 1


@pytest.mark.parametrize("wrong", [int, 7, ["a"]])
async def test_a_state_is_a_model_or_a_dict(wrong: Any) -> None:
    class Wrong(Flow):
        initial_state = wrong

        @start()
        def write(self) -> None: ...

    with pytest.raises(BlueprintError, match="the state of flow 'Wrong' must be a pydantic model or a dict"):
        await Wrong().kickoff_async()


def test_the_state_is_typed_for_a_flow_without_a_class_of_its_own() -> None:
    assert type(Flow[Poem]().state) is Poem
