from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aiocrew.errors import UsageError
from aiocrew.tools.library.file_read import FileReadTool
from aiocrew.tools.toolbox import make_toolbox


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a file in it and one beside it."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "a.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "beside.txt").write_text("secret")
    monkeypatch.chdir(here)
    return here


def schema(tool: FileReadTool) -> dict[str, Any]:
    (spec,) = make_toolbox([tool]).specs
    return json.loads(bytes(spec.parameters))


async def test_the_file_that_the_model_names_is_read() -> None:
    tool = FileReadTool()
    assert tool.run(file_path="a.txt") == "one\ntwo\nthree\n"
    assert tool.run("a.txt", 2, 1) == "two\n"
    assert await tool.arun(file_path="a.txt", start_line=3) == "three\n"
    assert schema(tool)["required"] == ["file_path"]


def test_a_given_file_is_read_where_none_is_named(folder: Path) -> None:
    for tool in (FileReadTool("a.txt"), FileReadTool(file_path="a.txt"), FileReadTool(folder / "a.txt")):
        assert tool.run(line_count=1) == "one\n"
        assert tool.run(file_path="") == tool.run(file_path=None) == "one\ntwo\nthree\n"
        assert "required" not in schema(tool)
        assert "a.txt" in tool.description


def test_a_given_file_may_lie_outside_but_the_model_may_not_go_there(folder: Path) -> None:
    tool = FileReadTool("../beside.txt")
    assert tool.run() == tool.run(file_path="../beside.txt") == "secret"
    assert tool.run(file_path=str(folder.parent / "beside.txt")) == "secret"
    assert tool.run(file_path="a.txt", line_count=1) == "one\n"
    with pytest.raises(PermissionError, match="leads out"):
        tool.run(file_path="../here/../other.txt")
    with pytest.raises(PermissionError, match="leads out"):
        FileReadTool().run(file_path="../beside.txt")


def test_the_guard_can_be_put_elsewhere_or_switched_off(folder: Path) -> None:
    assert FileReadTool(root="..").run(file_path="beside.txt") == "secret"
    assert FileReadTool(root=folder.parent).run(file_path="beside.txt") == "secret"
    assert FileReadTool(allow_outside=True).run(file_path="../beside.txt") == "secret"


def test_the_folder_is_the_one_in_which_the_tool_was_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    any_file, given = FileReadTool(), FileReadTool("a.txt")
    monkeypatch.chdir(folder.parent)
    assert any_file.run(file_path="a.txt") == given.run() == given.model_copy().run() == "one\ntwo\nthree\n"


def test_a_long_file_is_cut_and_the_text_says_where_to_go_on() -> None:
    tool = FileReadTool(max_characters=6)
    assert tool.run("a.txt") == (
        "one\ntw\n\n[Cut after 6 characters; the rest begins in line 2, read on with start_line=2.]"
    )
    Path("long.txt").write_text("x" * 100)
    assert tool.run("long.txt") == "xxxxxx\n\n[Cut after 6 characters.]"


def test_what_the_model_can_mend_is_said() -> None:
    tool = FileReadTool()
    Path("picture").write_bytes(b"\x89PNG\0")
    for arguments, said in (
        ({"file_path": "none.txt"}, "there is no file 'none.txt'"),
        ({"file_path": "."}, "'.' is a folder"),
        ({"file_path": "picture"}, "'picture' is no text"),
        ({"file_path": "a.txt", "start_line": 9}, "no line 9, the file has 3"),
        ({"file_path": ""}, "say which file"),
    ):
        with pytest.raises((OSError, ValueError), match=said):
            tool.run(**arguments)
    with pytest.raises(UsageError, match="start_line"):
        tool.run(file_path="a.txt", start_line=0)


def test_a_file_is_read_anew_at_each_call_of_a_run() -> None:
    (offered,) = make_toolbox([FileReadTool()]).offered.values()
    assert not offered.cache_function({}, "")


def test_a_subclass_keeps_the_words_of_its_author() -> None:
    class Guide(FileReadTool):
        description: str = "The guide to our style."
        file_path: str | None = "a.txt"

    assert Guide().run() == "one\ntwo\nthree\n"
    assert Guide().description == "The guide to our style."
    assert FileReadTool("a.txt", description="Mine.").description == "Mine."
    assert "required" not in schema(Guide())


def test_an_unknown_keyword_is_reported_at_the_callers_line() -> None:
    with pytest.warns(UserWarning, match="'file_pth'") as caught:
        FileReadTool(file_pth="a.txt")
    assert caught[0].filename == __file__
