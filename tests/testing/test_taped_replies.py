"""What a cassette keeps of a reply beside its text, and how it streams again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiocrew import Crew, tool
from aiocrew.seeing.recorder import recording
from aiocrew.testing import ScriptedModel, calls, cassette
from aiocrew.types.events import Event, LLMCallCompleted, LLMStreamChunk
from aiocrew.types.messages import Chunk, Reply, Request, Restart, ToolResult
from aiocrew.types.usage import Usage
from tests.crew.scenes import agent_with, one_task_crew, task_for

TOPIC = {"topic": "tea"}
SAID = Reply("Green tea", usage=Usage(3, 2), model="m-1", id="chatcmpl-1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.json"


def step_of(document: Any) -> Any:
    [run] = document["runs"]
    [step] = run["steps"]
    return step


async def events_of(crew: Crew, path: Path) -> list[Event]:
    with cassette(path), recording() as events:
        await crew.kickoff_async(TOPIC)
    return events


async def test_the_id_of_a_reply_is_replayed_with_the_reply_and_its_piece(path: Path) -> None:
    for crew in (one_task_crew(ScriptedModel(SAID, streams=True)), one_task_crew(ScriptedModel(streams=True))):
        told = await events_of(crew, path)
        assert [event.response_id for event in told if isinstance(event, LLMCallCompleted)] == ["chatcmpl-1"]
    assert [event.response_id for event in told if isinstance(event, LLMStreamChunk)] == ["chatcmpl-1"]


async def test_a_cassette_of_before_replies_had_ids_is_replayed(path: Path) -> None:
    await events_of(one_task_crew(ScriptedModel(SAID)), path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert step_of(document)["gave"].pop("id") == "chatcmpl-1"
    path.write_text(json.dumps(document), encoding="utf-8")
    [reply] = [
        event for event in await events_of(one_task_crew(ScriptedModel()), path) if isinstance(event, LLMCallCompleted)
    ]
    assert (reply.text, reply.response_id, reply.response_model) == ("Green tea", "", "m-1")


async def test_what_a_reply_does_not_say_is_not_in_the_file(path: Path) -> None:
    await events_of(one_task_crew(ScriptedModel(Reply("A"))), path)
    assert step_of(json.loads(path.read_text(encoding="utf-8")))["gave"] == {"text": "A"}


class Broken:
    """Says half a sentence, breaks off, and asks for a tool without a word."""

    streams = True

    async def reply(self, request: Request) -> Reply:
        raise AssertionError

    def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
        raise AssertionError

    async def stream_with_restarts(self, request: Request) -> AsyncIterator[Chunk | Restart | Reply]:
        if any(isinstance(message, ToolResult) for message in request.messages):
            yield Chunk("Seen")
            yield Reply("Seen")
        else:
            yield Chunk("I will ")
            yield Restart(2)
            yield calls(("look", {}))


async def test_a_reply_without_a_text_has_no_piece_when_it_is_replayed(path: Path) -> None:
    @tool
    def look() -> str:
        """Look."""
        return "tea"

    texts: list[list[str]] = []
    for _ in range(2):
        agent = agent_with(Broken(), tools=[look])
        told = await events_of(Crew(agents=[agent], tasks=[task_for(agent)]), path)
        texts.append([event.text for event in told if isinstance(event, LLMStreamChunk)])
    assert texts == [["I will ", "Seen"], ["Seen"]]
