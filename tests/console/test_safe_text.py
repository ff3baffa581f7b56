"""Texts of others, made harmless: nothing unseen is left in them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.console.safe_text import lines_of, printable, shortened


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_shown_is_one_printable_line_that_any_stream_of_utf8_takes(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in shown)


@pytest.mark.parametrize(
    "unseen",
    [
        *("\x1b", "\r", "\n", "\b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u2028"),
        *("\u034f", "\u115f", "\u3164", "\ufe00", "\U000e0100", "\U000e0041", "\ud800", "\ue000"),
    ],
)
def test_each_unseen_character_is_shown_as_its_escape(unseen: str) -> None:
    assert printable(f"a{unseen}b") == "a" + ascii(unseen)[1:-1] + "b"


@pytest.mark.parametrize("seen", ["plain", "ärgerlich", "漢字", "❤️", "🐝", "[bold]x[/bold]", ":bee:", "a\\nb"])
def test_what_can_be_seen_stays_as_it_is(seen: str) -> None:
    assert printable(seen) == seen


@given(st.text(), st.integers(1, 50))
def test_a_shortened_text_is_no_longer_than_asked_and_says_that_it_goes_on(text: str, length: int) -> None:
    shown = shortened(text, length)
    assert len(shown) <= length
    assert shown == printable(text) or shown.endswith("…")


@given(st.text(st.sampled_from("ab \n\r\t\x1b\u202e")), st.integers(1, 5), st.integers(1, 20))
def test_lines_are_printable_and_no_more_than_asked_with_one_that_says_what_is_missing(
    text: str, most_lines: int, most_characters: int
) -> None:
    lines = lines_of(text, most_lines, most_characters)
    assert all(line.isprintable() for line in lines)
    assert len(lines) <= most_lines + 1
    if len(lines) == most_lines + 1:
        assert lines[-1].startswith("… ")


def test_what_is_left_out_is_counted() -> None:
    assert lines_of("a\nb\nc\nd", 2, 100) == ["a", "b", "… 2 more lines"]
    assert lines_of("abcdef", 2, 4) == ["abcd", "… 2 more characters"]
    assert lines_of("a\r\n\tb \n\n", 5, 100) == ["a", "    b"]
