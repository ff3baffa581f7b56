from __future__ import annotations

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.tools.library.text_files import as_text, read_lines


def opened(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data))  # pyright: ignore[reportArgumentType]


def lines(data: str | bytes, start: int = 1, count: int | None = None, longest: int = 1_000) -> tuple[str, bool]:
    raw = data if isinstance(data, bytes) else data.encode()
    return read_lines(as_text(opened(raw), "x"), start, count, longest)


@pytest.mark.parametrize(
    "data",
    [
        "größe\n".encode(),
        "größe\n".encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + "größe\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "größe\r\n".encode("utf-16-be"),
    ],
)
def test_text_is_read_in_its_encoding(data: bytes) -> None:
    assert lines(data) == ("größe\n", False)


def test_what_is_no_utf8_is_replaced() -> None:
    assert lines("Die Größe der Stadt".encode("latin-1")) == ("Die Gr\ufffd\ufffde der Stadt", False)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(128, 256)), b"text\0text", b"\xff\xfe\0\0a\0"]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"'a\.bin' is no text"):
        as_text(opened(data), "a.bin")


def test_a_letter_at_the_end_of_the_looked_at_part_does_not_make_it_binary() -> None:
    text = "ä" * 8_192
    assert lines(text, longest=10_000) == (text, False)
    assert lines("x" + text, longest=10_000) == ("x" + text, False)


@given(
    st.lists(st.text(alphabet="abc", max_size=4), max_size=8).map("\n".join),
    st.integers(1, 10),
    st.none() | st.integers(1, 10),
    st.integers(1, 20),
)
def test_lines_are_those_that_a_list_of_lines_has(text: str, start: int, count: int | None, longest: int) -> None:
    there = text.splitlines(keepends=True)
    wanted = "".join(there[start - 1 :][:count])
    if start > 1 and start > len(there):
        with pytest.raises(ValueError, match=f"no line {start}, the file has {len(there)}"):
            lines(text, start, count, longest)
    else:
        assert lines(text, start, count, longest) == (wanted[:longest], len(wanted) > longest)


def test_lines_of_any_length_are_passed() -> None:
    assert lines("x" * 200_000 + "\n" + "y" * 65_536 + "\nend", start=3) == ("end", False)
