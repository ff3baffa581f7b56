"""Events in tables: nothing twice, nothing too long, nothing that JSON cannot hold."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.seeing.page.packing import MOST_CHARACTERS, event_json, pack_events
from aiocrew.types import events as kinds
from aiocrew.types.messages import Assistant, Request, System, ToolCall, ToolResult, User
from aiocrew.types.model_settings import ModelSettings
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage
from tests.seeing.page.scenes import many_runs, one_call

MODEL = Path("run/task-0/turn-0/model")


def started(number: int, *messages: object) -> kinds.LLMCallStarted:
    path = Path(f"run/task-0/turn-{number}/model")
    return kinds.LLMCallStarted("r", path, 1.0 + number, 2.0, "m", "a", Request(messages))  # type: ignore[arg-type]


def test_a_transcript_that_is_repeated_every_turn_stands_once() -> None:
    said = (System("be brief"), User("hello"))
    more = (*said, Assistant("", (ToolCall("c1", "look", '{"q": 1}'),)), ToolResult("c1", "look", "found"))
    packed = pack_events([started(0, *said), started(1, *more), started(2, *more, Assistant("done"))])
    assert [packed.texts[text] for _, text, *_ in packed.messages] == ["be brief", "hello", "", "found", "done"]
    assert packed.texts.count("hello") == 1


def test_runs_of_one_crew_share_their_paths_and_names() -> None:
    few, many = pack_events(many_runs(2)), pack_events(many_runs(20))
    shared = {text for text in few.texts if text.startswith("run/")}
    assert {text for text in many.texts if text.startswith("run/")} == shared


def test_a_text_of_a_megabyte_loses_its_middle_and_says_how_much() -> None:
    packed = pack_events(one_call("a" * 500_000 + "b" * 500_000, "fine"))
    cut = max(packed.texts, key=len)
    assert len(cut) < MOST_CHARACTERS + 100
    assert "996,000 characters left out" in cut
    assert (cut[0], cut[-1]) == ("a", "b")


def test_many_long_texts_are_cut_shorter_so_that_the_page_stays_small() -> None:
    events = [started(number, User(f"{number} " + "x" * 3900)) for number in range(10_000)]
    packed = pack_events(events)
    assert sum(map(len, packed.texts)) < 10_000_000
    assert len(msgspec.json.encode(packed)) < 15_000_000


def test_ten_thousand_calls_take_less_than_15_megabytes() -> None:
    events = many_runs(1000, tasks=5, turns=2)
    assert sum(isinstance(event, kinds.LLMCallCompleted) for event in events) > 9_900
    assert len(msgspec.json.encode(pack_events(events))) < 15_000_000


def test_pieces_of_a_reply_are_left_out_once_it_is_whole() -> None:
    piece = kinds.LLMStreamChunk("r1", MODEL, 1.5, 0.0, "half ")
    other = kinds.LLMStreamChunk("r2", MODEL, 1.5, 0.0, "half ")
    packed = pack_events([*one_call("p", "half and half"), piece, other])
    names = [packed.shapes[row[0]][0] for row in packed.events]
    assert names.count("llm_stream_chunk") == 1


class Odd:
    def __repr__(self) -> str:
        return "<odd>"


def test_inputs_of_any_kind_are_shown_in_words() -> None:
    inputs = {
        "n": 3,
        "list": [1, Odd()],
        "odd": Odd(),
        "bytes": b"ab",
        "set": {1},
        "keys": {Odd(): 1},
        "half": ["\ud800"],
    }
    event = kinds.CrewKickoffStarted("r", Path("run"), 1.0, 2.0, "crew", inputs)
    packed = pack_events([event])
    msgspec.json.encode(packed)
    assert {"3", '[1,"<odd>"]', '"<odd>"'} <= set(packed.texts)
    assert json.loads(event_json(event))["inputs"]["n"] == "3"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no words for it")


def test_inputs_that_have_no_words_and_names_that_are_no_text_harm_nothing() -> None:
    inputs: dict[object, object] = {1: Broken(), ("a", 2): [Broken()], None: {Broken(): Broken()}}
    event = kinds.CrewKickoffStarted("r", Path("run"), 1.0, 2.0, "crew", inputs)  # type: ignore[arg-type]
    msgspec.json.encode(pack_events([event]))
    shown = json.loads(event_json(event))["inputs"]
    assert list(shown) == ["1", '["a",2]', "null"]
    assert all("Broken" in value for value in shown.values())


def test_a_page_and_a_stream_tell_the_same_times_and_the_exact_cost() -> None:
    event = kinds.LLMCallCompleted("r", MODEL, 1.23456789, 2.0, "m", "a", "", (), Usage(1, 2), "stop", 2.25e-06)
    packed, streamed = pack_events([event]), json.loads(event_json(event))
    (_, names, _), row = packed.shapes[0], packed.events[0]
    embedded = dict(zip(names.split(), row[1:], strict=True))
    for told in (embedded, streamed):
        assert (told["at_s"], told["cost_usd"]) == (1.234568, 2.25e-06)


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_packs_to_json_and_streams_as_one_line(text: str) -> None:
    events = one_call(text, text, name=text)
    assert msgspec.json.decode(msgspec.json.encode(pack_events(events)))
    for event in events:
        line = event_json(event)
        assert "\n" not in line
        assert json.loads(line)["run_id"] == "r1"


def test_a_streamed_event_has_its_type_and_fields_without_what_only_a_provider_understands() -> None:
    calls = (ToolCall("c1", "look", "{}", {"signature": msgspec.Raw(b'"secret"')}),)
    event = kinds.LLMCallCompleted("r", MODEL, 1.0, 2.0, "m", "a", "", calls, Usage(1, 2), "tool_calls")
    record = json.loads(event_json(event))
    assert (record["type"], record["usage"]["prompt_tokens"]) == ("llm_call_completed", 1)
    assert record["calls"] == [{"id": "c1", "name": "look", "arguments": "{}"}]


def test_the_parameters_of_a_model_stand_once_and_with_their_zeros() -> None:
    settings = ModelSettings("openai", "gpt-4o-mini", "api.openai.com", temperature=0.0)
    events = [
        kinds.LLMCallStarted("r", Path(f"run/turn-{turn}/model"), 1.0, 2.0, "m", "a", Request(()), settings)
        for turn in range(3)
    ]
    packed = pack_events(events)
    (text,) = [text for text in packed.texts if "temperature" in text]
    assert msgspec.json.decode(text)["temperature"] == 0.0
    assert json.loads(event_json(events[0]))["settings"]["temperature"] == 0.0
