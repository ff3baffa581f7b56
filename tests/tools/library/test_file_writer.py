from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocrew.errors import UsageError
from aiocrew.tools.library.file_writer import FileWriterTool


@pytest.fixture
def tool(tmp_path: Path) -> FileWriterTool:
    (tmp_path / "here").mkdir()
    return FileWriterTool(root=tmp_path / "here")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def test_a_file_is_written_and_its_folders_are_made(tool: FileWriterTool, here: Path) -> None:
    assert tool.run(filename="a.md", content="größe\r\n", directory="out/deep") == (
        "Wrote 7 characters into 'out/deep/a.md'."
    )
    assert (here / "out/deep/a.md").read_bytes() == "größe\r\n".encode()
    tool.run(filename="sub/b.md", content="b", directory=None)
    assert (here / "sub/b.md").read_text() == "b"
    tool.run("c.md", "c", "out")
    assert sorted(os.listdir(here / "out")) == ["c.md", "deep"]


def test_the_root_is_made_too(tmp_path: Path) -> None:
    FileWriterTool(root=tmp_path / "new" / "root").run(filename="a", content="b")
    assert (tmp_path / "new/root/a").read_text() == "b"


@pytest.mark.parametrize("yes", [True, "true", "True", "yes", "on", "1", "y"])
def test_a_file_is_replaced_only_where_asked(tool: FileWriterTool, here: Path, yes: str | bool) -> None:
    tool.run(filename="a", content="first")
    for no in (False, "false", "no", "0"):
        with pytest.raises(FileExistsError, match=r"'a' already; .*overwrite=true"):
            tool.run(filename="a", content="second", overwrite=no)
    assert (here / "a").read_text() == "first"
    tool.run(filename="a", content="second", overwrite=yes)
    assert (here / "a").read_text() == "second"
    with pytest.raises(UsageError, match="overwrite"):
        tool.run(filename="a", content="third", overwrite="perhaps")


def test_a_call_that_is_run_again_has_the_same_result(tool: FileWriterTool, here: Path) -> None:
    first = tool.run(filename="a", content="text")
    before = (here / "a").stat()
    assert tool.run(filename="a", content="text") == first
    assert (here / "a").stat() == before
    assert tool.idempotent
    assert not tool.cache_function({}, first)


def test_a_replaced_file_keeps_its_rights(tool: FileWriterTool, here: Path) -> None:
    for mode in (0o600, 0o777):
        (here / "a").write_text("old")
        (here / "a").chmod(mode)
        tool.run(filename="a", content=f"new {mode}", overwrite=True)
        assert stat.S_IMODE((here / "a").stat().st_mode) == mode


def test_a_replaced_program_loses_the_rights_of_its_owner(tool: FileWriterTool, here: Path) -> None:
    (here / "a").write_text("old")
    (here / "a").chmod(0o6755)
    tool.run(filename="a", content="new", overwrite=True)
    assert stat.S_IMODE((here / "a").stat().st_mode) == 0o755


def test_a_file_that_may_not_be_written_is_not_replaced(
    tool: FileWriterTool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "a").write_text("old")
    (here / "a").chmod(0o444)
    open_as_root = os.open

    def open_as_user(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        with suppress(FileNotFoundError):
            if flags & os.O_ACCMODE and not os.stat(path, dir_fd=dir_fd).st_mode & stat.S_IWUSR:
                raise PermissionError(13, "Permission denied")
        return open_as_root(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", open_as_user)
    with pytest.raises(PermissionError, match="'a' cannot be used: Permission denied"):
        tool.run(filename="a", content="new", overwrite=True)
    assert (here / "a").read_text() == "old"
    assert os.listdir(here) == ["a"]


def test_nothing_is_written_outside(tool: FileWriterTool, here: Path) -> None:
    (here / "link").symlink_to(here.parent)
    (here / "to_file").symlink_to(here.parent / "new.txt")
    for filename, directory in (
        ("../a", "./"),
        ("a", ".."),
        ("a", "link"),
        ("a", "link/new"),
        ("to_file", "./"),
        (str(here.parent / "a"), "./"),
        ("a", str(here.parent)),
    ):
        with pytest.raises(PermissionError, match="leads out"):
            tool.run(filename=filename, content="x", directory=directory, overwrite=True)
    assert os.listdir(here.parent) == ["here"]
    FileWriterTool(root=here, allow_outside=True).run(filename="../a/b", content="x")
    assert (here.parent / "a/b").read_text() == "x"


def test_a_link_that_leads_inside_is_written_through(tool: FileWriterTool, here: Path) -> None:
    (here / "link").symlink_to("real")
    tool.run(filename="link", content="x")
    assert (here / "link").is_symlink()
    assert (here / "real").read_text() == "x"


def test_only_files_are_replaced_and_no_draft_is_left(tool: FileWriterTool, here: Path) -> None:
    (here / "folder").mkdir()
    os.mkfifo(here / "pipe")
    for name, said in (("folder", "is a folder"), ("pipe", "no ordinary file"), (".", "is a folder"), ("", "no path")):
        with pytest.raises((OSError, ValueError), match=said):
            tool.run(filename=name, content="x", overwrite=True)
    with pytest.raises(NotADirectoryError, match="cannot be used"):
        tool.run(filename="pipe/a", content="x")
    assert sorted(os.listdir(here)) == ["folder", "pipe"]


def test_where_there_are_no_hard_links_a_file_is_written_all_the_same(
    tool: FileWriterTool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    tool.run(filename="a", content="x")
    assert (here / "a").read_text() == "x"
    assert os.listdir(here) == ["a"]


def test_a_file_that_appears_meanwhile_is_not_replaced(
    tool: FileWriterTool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def late(*args: object, **kwargs: object) -> None:
        (here / "a").write_text("of somebody else")
        link(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError, match="already"):
        tool.run(filename="a", content="mine")
    assert (here / "a").read_text() == "of somebody else"
    assert os.listdir(here) == ["a"]


@pytest.mark.parametrize("theirs", ["mine", "other"])
def test_without_hard_links_too_a_file_that_appears_meanwhile_is_not_replaced(
    tool: FileWriterTool, here: Path, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    def late(*args: object, **kwargs: object) -> None:
        (here / "a").write_text(theirs)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", late)
    said = ""
    try:
        tool.run(filename="a", content="mine")
    except FileExistsError as error:
        said = str(error)
    assert ("overwrite=true" in said) == (theirs == "other")
    assert (here / "a").read_text() == theirs
    assert os.listdir(here) == ["a"]


async def test_the_documented_order_of_arguments_and_half_a_surrogate_pair(tool: FileWriterTool, here: Path) -> None:
    assert tool._run("example.txt", "This is \ud800.", "test_directory")
    assert (here / "test_directory/example.txt").read_text() == "This is ?."


@given(
    st.lists(st.sampled_from(["..", ".", "a", "b", "link", "/", ""]), max_size=6).map("/".join) | st.text(max_size=9)
)
@settings(max_examples=60)
def test_no_name_writes_outside(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    top = tmp_path_factory.mktemp("w")
    (top / "here" / "a").mkdir(parents=True)
    (top / "here" / "link").symlink_to(top)
    tool = FileWriterTool(root=top / "here")
    with suppress(OSError, ValueError, UsageError):
        tool.run(filename=name, content="x", overwrite=True)
    assert os.listdir(top) == ["here"]
