from __future__ import annotations

import sqlite3
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiocrew.errors import UsageError
from aiocrew.tools.library.text_search import Passage, best_of, best_passages, cut_into_passages


def sources(documents: list[tuple[str, str]], query: str, limit: int = 5) -> list[str]:
    return [passage.source for passage in best_passages(documents, query, limit)]


FRUIT = [
    ("apples", "The apple tree grows in the garden. It is old."),
    ("pears", "The pear tree grows in the garden, and so does an apple tree. The pear is sweet."),
    ("roads", "The road leads from the village to the sea."),
]


def test_the_rarer_word_counts_more() -> None:
    assert sources(FRUIT, "garden pear") == ["pears", "apples"]


def test_the_words_that_a_question_is_made_of_do_not_count() -> None:
    assert sources(FRUIT, "What does the book say about the sea?") == ["roads"]


def test_a_query_of_nothing_but_such_words_is_looked_for_all_the_same() -> None:
    assert sources([("hamlet", "To be or not to be"), ("other", "Something else")], "to be") == ["hamlet"]


def test_nothing_that_fits_is_an_empty_list() -> None:
    assert best_passages(FRUIT, "zebra") == []
    assert best_passages([], "apple") == []
    assert best_passages(FRUIT, "") == []
    assert best_passages(FRUIT, "apple", limit=0) == []


def test_no_more_than_the_limit_and_the_best_first() -> None:
    found = best_passages([(str(number), "word " * number) for number in range(1, 9)], "word", limit=3)
    assert len(found) == 3
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)


def test_equal_passages_come_in_their_order() -> None:
    assert sources([(name, "the same text") for name in "bca"], "same") == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Libraries for asynchronous programs", "library"),
        ("Programmierung mit Python", "programm"),
        ("ACME reported a loss", "What is ACME's loss?"),
        ("state-of-the-art methods", "STATE of art"),
        ("call read_file here", "read_file"),
        ("Größe der Äpfel", "groesse GRÖSSE"),
        ("Le café est fermé", "cafe"),
        ("Le cafe\u0301 est ferme\u0301", "café"),
        ("\ufb01le \uff46\uff55\uff4c\uff4c", "file full"),
        ("Ёлка в Москве", "елка"),
        ("Οδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("我住在东京附近的京都", "东京"),
        ("東京都に住んでいます", "東京"),
        ("コンピュータを使う", "コンピュータ"),
        ("서울에서 살고 있다", "서울"),
        ("ฉันอยู่กรุงเทพมหานคร", "กรุงเทพ"),
        ("हिन्दी भाषा में लिखा", "हिन्दी"),
        ("مُحَمَّد في البيت", "محمد"),
        ("שָׁלוֹם לכולם", "שלום"),
    ],
)
def test_words_are_found_however_they_are_written(text: str, query: str) -> None:
    assert sources([("other", "Zu den Akten 中国 日本語 ดีมาก नमस्ते"), ("it", text)], query) == ["it"]


def test_two_characters_that_only_stand_apart_are_no_word() -> None:
    assert sources([("apart", "东边有一座京城"), ("together", "东京很大")], "东京") == ["together"]


@given(st.text(max_size=60))
@example('"')
@example("a AND NOT b")
@example("NEAR(a b, 5)")
@example("text : a* ^b {c}")
@example("a\0b")
@example("\ud800 a")
@example("東\ud800京 \U000e0001")
@example("word " * 5_000)
@example(" ".join(map(str, range(5_000))))
def test_any_text_is_a_query_and_any_text_can_be_searched(text: str) -> None:
    best_passages([("plain", "a b c word"), ("itself", text)], text)


@given(st.text(alphabet=st.characters(categories=("Ll", "Lu", "Lo", "Nd")), min_size=3, max_size=20))
@example("the")
def test_a_word_is_found_in_a_text_that_holds_it(word: str) -> None:
    # A letter that is newer than the index's tables is none to it, so those that were there for long.
    if any(ord(character) > 0x2000 for character in word):
        return
    assert sources([("other", "-"), ("it", f"before {word} after")], word) == ["it"]


def test_passages_are_taken_whole_where_asked() -> None:
    long = "needle " + "hay " * 2_000
    assert best_of([("a", long)], "needle") == [Passage("a", long, pytest.approx(0, abs=1))]


def test_a_passage_comes_back_as_it_was() -> None:
    (found,) = best_of([("a\0ö", "Word\0 Ünd\r\n")], "word")
    assert (found.source, found.text) == ("a\0ö", "Word\0 Ünd\r\n")


def test_a_python_without_full_text_search_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            return super().execute(sql.replace("fts5", "fts_of_nobody"))

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Bare))
    with pytest.raises(UsageError, match=r"FTS5; this Python has .* no such module"):
        best_passages(FRUIT, "pear")


def test_a_long_document_gives_the_passage_that_fits() -> None:
    text = "\n\n".join(f"Paragraph {number} speaks of nothing. " * 5 for number in range(500))
    found, *_ = best_passages([("book", f"{text}\n\nThe treasure lies under the oak.\n\n{text}")], "treasure")
    assert "The treasure lies under the oak." in found.text
    assert len(found.text) <= 800


@given(st.text(alphabet="ab .\n。", max_size=300), st.integers(1, 40), st.integers(0, 50))
def test_passages_hold_the_whole_text_and_none_is_too_long(pattern: str, longest: int, overlap: int) -> None:
    text = "".join(chr(0x5000 + at) if mark in "ab" else mark for at, mark in enumerate(pattern))
    parts = list(cut_into_passages(text, longest, overlap))
    assert all(0 < len(part) <= longest and part in text for part in parts)
    assert set("".join(parts)) | set(" \n") >= set(text)


def test_passages_end_where_a_paragraph_or_a_word_does_and_overlap() -> None:
    text = "one two three.\n\n" + "four five six seven eight nine ten eleven"
    parts = list(cut_into_passages(text, longest=20, overlap=6))
    assert parts == ["one two three.", "four five six seven", "seven eight nine", "nine ten eleven"]
