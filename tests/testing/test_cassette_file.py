"""The file of a cassette: when it is written, what is none, and what a damaged one says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aiocrew.errors import (
    UsageError,
)
from aiocrew.testing import (
    CassetteError,
    ScriptedModel,
    cassette,
    prompt,
)
from tests.crew.scenes import one_task_crew

TOPIC = {"topic": "tea"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "crew.json"


async def test_an_equal_recording_is_an_equal_file(path: Path) -> None:
    texts = list[str]()
    for order in (1, -1):
        with cassette(path, mode="all"):
            crews = [one_task_crew(ScriptedModel(by=prompt), f"Work {number}") for number in range(3)]
            await asyncio.gather(*(crew.kickoff_async() for crew in crews[::order]))
        document = json.loads(path.read_text(encoding="utf-8"))
        for run in document["runs"]:
            for step in run["steps"]:
                del step["took_s"]
        texts.append(json.dumps(document))
    assert texts[0] == texts[1]


async def test_a_block_that_fails_writes_nothing(path: Path) -> None:
    async def fail() -> None:
        await one_task_crew(ScriptedModel("x")).kickoff_async(TOPIC)
        raise AssertionError("the test's own")

    with pytest.raises(AssertionError, match="the test's own"), cassette(path):
        await fail()
    assert not path.parent.exists()


async def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CassetteError, match=r"file/crew.json' was not written: (Not a directory|File exists)"),
        cassette(tmp_path / "file" / "crew.json", mode="all"),
    ):
        await one_task_crew(ScriptedModel("x")).kickoff_async(TOPIC)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "JSONDecodeError"),
        ("<<<<<<< ours", "JSONDecodeError"),
        ("[]", "it says no 'aiocrew_cassette'"),
        ('{"aiocrew_cassette": 99}', "it says aiocrew_cassette=99, and this aiocrew reads"),
        ('{"aiocrew_cassette": 1, "runs": 3, "shared": {}}', "Expected `array`"),
        (b"\xff\xfe", "UnicodeDecodeError"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused_and_left_alone(path: Path, content: str | bytes, why: str) -> None:
    path.parent.mkdir()
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(data)
    with pytest.raises(CassetteError, match=why), cassette(path):
        raise AssertionError("must not begin")
    assert path.read_bytes() == data


async def test_a_damaged_result_is_named(path: Path) -> None:
    with cassette(path):
        await one_task_crew(ScriptedModel("x")).kickoff_async(TOPIC)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"text": "x"', '"text": 3'), encoding="utf-8")
    with (
        pytest.raises(CassetteError, match=r"turn-0/model \(ScriptedModel\): what is recorded .* cannot be read"),
        cassette(path),
    ):
        await one_task_crew(ScriptedModel()).kickoff_async(TOPIC)


def test_without_a_file_a_replay_says_how_to_record(path: Path) -> None:
    with (
        pytest.raises(CassetteError, match=r"there is no cassette .* record it with mode='once'"),
        cassette(path, mode="none"),
    ):
        raise AssertionError("must not begin")


def test_an_unknown_mode_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match="one of 'once', 'none', 'all'"), cassette(path, mode="new"):
        raise AssertionError("must not begin")


async def test_a_block_without_a_run_is_no_recording(path: Path) -> None:
    with pytest.raises(CassetteError, match="no run was started in this block"), cassette(path):
        pass
    assert not path.exists()


async def test_a_run_that_outlives_its_block_is_no_recording(path: Path) -> None:
    model, left = ScriptedModel("x", delay_s=30), list[asyncio.Task[Any]]()

    async def begin() -> None:
        left.append(asyncio.create_task(one_task_crew(model).kickoff_async(TOPIC)))
        await model.reached(1)

    with pytest.raises(CassetteError, match="1 steps are still under way"), cassette(path):
        await begin()
    left[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await left[0]
    assert not path.exists()


async def test_mode_all_records_anew(path: Path) -> None:
    for answer in ("old", "new"):
        with cassette(path, mode="all"):
            await one_task_crew(ScriptedModel(answer)).kickoff_async(TOPIC)
    with cassette(path):
        assert (await one_task_crew(ScriptedModel()).kickoff_async(TOPIC)).raw == "new"


@pytest.mark.parametrize("damage", ['"python": "exit"', '"python": 3', '"kind": 3'])
async def test_a_damaged_failure_is_named(path: Path, damage: str) -> None:
    with cassette(path):
        await one_task_crew(ScriptedModel(ValueError("x"))).kickoff_for_each_async([TOPIC])
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"python": "ValueError"', damage), encoding="utf-8")
    with pytest.raises(CassetteError, match="what is recorded as its result cannot be read"), cassette(path):
        await one_task_crew(ScriptedModel()).kickoff_for_each_async([TOPIC])
