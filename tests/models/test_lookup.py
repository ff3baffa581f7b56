"""What may stand in llm=, and what it comes to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiocrew.errors import BlueprintError
from aiocrew.models.llm import LLM
from aiocrew.models.lookup import resolve
from aiocrew.types.messages import Chunk, Reply, Request, Restart


class Parrot:
    async def reply(self, request: Request) -> Reply:
        return Reply("hello")


def test_a_string_an_llm_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("offline/instant").name == resolve(LLM("offline/instant")).name == "offline/instant"
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert resolve(None).name == "openai/gpt-4o-mini"
    assert resolve(None) is resolve(None)
    assert resolve("openai/gpt-4o-mini").model is resolve("gpt-4o-mini").model is resolve(None).model
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    assert resolve(None).model is resolve("gpt-4o-mini").model


def test_a_model_of_ones_own_is_used_as_it_is() -> None:
    parrot = Parrot()
    resolved = resolve(parrot)
    assert resolved.model is parrot
    assert (resolved.name, resolved.tool_protocol, resolved.stream) == ("Parrot", "auto", False)


def test_a_model_is_asked_for_pieces_in_the_way_that_can_begin_anew_where_it_has_one() -> None:
    class Streaming(Parrot):
        async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
            yield Reply("hello")

    class Restarting(Streaming):
        async def stream_with_restarts(self, request: Request) -> AsyncIterator[Chunk | Restart | Reply]:
            yield Reply("hello")

    class Naming(Parrot):
        stream = True

    class Calling:
        """CrewAI's protocol; its `stream` is an option of its own."""

        def call(self, messages: Any) -> str:
            return "hello"

        def stream(self) -> None: ...

    streaming, restarting = Streaming(), Restarting()
    assert resolve(streaming).pieces == streaming.stream
    assert resolve(restarting).pieces == restarting.stream_with_restarts
    assert [resolve(model).pieces for model in (Parrot(), Naming(), Calling())] == [None, None, None]
    hosted = resolve(LLM("openai/gpt-4o-mini", api_key="k"))
    assert hosted.pieces == hosted.model.stream_with_restarts  # type: ignore[attr-defined]
    assert resolve("offline/demo").pieces is not None


@pytest.mark.parametrize("llm", [3, Parrot, {"model": "gpt-4o"}, object()])
def test_anything_else_is_refused_and_says_what_is_taken(llm: Any) -> None:
    with pytest.raises(BlueprintError, match=r"openai/gpt-4o-mini.*LLM\(.*async def reply"):
        resolve(llm)


@pytest.mark.parametrize("llm", ["", " "])
def test_an_empty_name_is_refused(llm: str) -> None:
    with pytest.raises(BlueprintError, match="no model"):
        resolve(llm)


def test_the_blueprint_loads_nothing_heavy() -> None:
    program = (
        "import sys\nimport aiocrew.models.lookup\nfrom aiocrew.models.llm import LLM\nLLM('offline/demo').resolve()\n"
        "print([name for name in ('aiohttp', 'fastapi', 'rich', 'typer', 'yaml') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_models_of_one_class_are_told_apart_by_their_identity() -> None:
    class Tuned:
        def __init__(self, identity: str) -> None:
            self.identity = identity

        async def reply(self, request: Request) -> Reply:
            return Reply("hi")

    first, second, again = (resolve(Tuned(name)).identity for name in ("a", "b", "a"))
    assert first == again != second
