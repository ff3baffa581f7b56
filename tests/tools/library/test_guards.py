from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiocrew.tools.library.guards import Fence, in_words, place_beneath


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `in` with ways out of it, beside a folder `out`."""
    top = tmp_path_factory.mktemp("guards")
    inside, outside = top / "in", top / "out"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    for folder in (inside, inside / "deep", outside, top):
        (folder / "a.txt").write_text(f"in {folder.name}")
    (inside / "to_folder").symlink_to(outside)
    (inside / "to_file").symlink_to(outside / "a.txt")
    (inside / "to_nothing").symlink_to(outside / "new.txt")
    (inside / "to_inside").symlink_to("deep")
    (inside / "circle").symlink_to("circle")
    (top / "in_and_more").mkdir()
    return top


def read(fence: Fence, path: str) -> str:
    with fence.place(path) as place, place.open_file(path) as file:
        return file.read().decode()


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("a.txt", "in in"),
        ("./deep/../a.txt", "in in"),
        ("deep//a.txt", "in deep"),
        ("to_inside/a.txt", "in deep"),
        ("../in/a.txt", "in in"),
        ("missing/../a.txt", "in in"),
    ],
)
def test_what_lies_inside_is_reached_however_it_is_written(tree: Path, path: str, held: str) -> None:
    assert read(Fence(str(tree / "in")), path) == held
    assert read(Fence(str(tree / "in")), str(tree / "in" / path)) == held


@pytest.mark.parametrize(
    "path",
    ["..", "../a.txt", "deep/../../a.txt", "to_folder/a.txt", "to_file", "to_nothing", "../in_and_more", "/", "/etc"],
)
def test_what_leads_out_is_refused_and_the_text_says_what_to_do(tree: Path, path: str) -> None:
    with pytest.raises(PermissionError, match=r"leads out of the folder.*give a path inside it.*root="):
        Fence(str(tree / "in")).real(path)


def test_an_open_fence_lets_everything_through(tree: Path) -> None:
    fence = Fence(str(tree / "in"), closed=False)
    assert read(fence, "../a.txt") == f"in {tree.name}"
    assert read(fence, "to_file") == "in out"
    assert read(fence, str(tree / "out" / "a.txt")) == "in out"


def test_a_root_may_be_reached_by_a_link(tree: Path) -> None:
    assert read(Fence(str(tree / "in" / "to_folder")), "a.txt") == "in out"


@pytest.mark.parametrize("path", ["", "a\0b", "\0", "\ud800"])
def test_a_text_that_is_no_path_is_refused(tree: Path, path: str) -> None:
    for closed in (True, False):
        with pytest.raises(ValueError, match="path of a file or folder"):
            Fence(str(tree), closed).real(path)


@pytest.mark.parametrize("path", ["circle", "x" * 5_000, "a.txt/b", "nothing"])
def test_what_cannot_be_opened_is_said_in_words(tree: Path, path: str) -> None:
    for closed in (True, False):
        with pytest.raises(OSError, match=r"there is no file|cannot be used") as caught, in_words(path):
            read(Fence(str(tree / "in"), closed), path)
        assert caught.value.errno is None


def test_a_path_without_end_makes_no_folders_and_is_not_repeated(tmp_path: Path) -> None:
    path = "a/" * 3_000 + "b"
    with (
        pytest.raises(OSError, match="too long") as caught,
        in_words(path),
        Fence(str(tmp_path)).place(path, create_folders=True),
    ):
        pass
    assert len(str(caught.value)) < 500
    assert os.listdir(tmp_path) == []


def test_folders_and_devices_and_pipes_are_no_files(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="'deep' is a folder"):
        read(Fence(str(tree / "in")), "deep")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read(Fence(str(tree / "in")), ".")
    os.mkfifo(tmp_path / "pipe")
    for closed in (True, False):
        with pytest.raises(PermissionError, match="no ordinary file"):
            read(Fence(str(tmp_path), closed), "pipe")
    with pytest.raises(PermissionError, match="no ordinary file"):
        read(Fence("/", closed=False), "/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        with pytest.raises(OSError, match=r"no ordinary file|No such device"):
            read(Fence(str(tmp_path)), "socket")


def test_a_link_that_appears_after_the_check_is_no_way_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (outside / "a.txt").write_text("secret")
    for name in ("folder/a.txt", "a.txt"):
        real = Fence(str(root)).real(name)
        if name == "a.txt":
            (root / "a.txt").symlink_to(outside / "a.txt")
        else:
            (root / "folder").rmdir()
            (root / "folder").symlink_to(outside)
        with pytest.raises(OSError), place_beneath(str(root), real) as place:  # noqa: PT011
            place.open_file(name).close()


def test_no_descriptor_is_left_open(tree: Path) -> None:
    fence = Fence(str(tree / "in"))
    before = set(os.listdir("/dev/fd"))
    for path in ("deep/a.txt", "deep", "deep/none", "none/none", "to_file", "a.txt/b"):
        with suppress(OSError):
            read(fence, path)
    assert set(os.listdir("/dev/fd")) <= before


PARTS = st.sampled_from(
    [
        "..",
        ".",
        "",
        "deep",
        "a.txt",
        "to_folder",
        "to_file",
        "to_inside",
        "to_nothing",
        "circle",
        "in",
        "out",
        "none",
        "/",
    ]
)


@given(st.lists(PARTS, max_size=8).map("/".join) | st.text(max_size=20))
@example("\ud800/../..")
def test_no_path_reads_anything_from_outside(tree: Path, path: str) -> None:
    try:
        held = read(Fence(str(tree / "in")), path)
    except (OSError, ValueError):
        return
    assert held in ("in in", "in deep")
