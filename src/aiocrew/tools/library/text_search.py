"""Finding the passages of texts that answer a query: words, weighed by how rare they are. No model, no embeddings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import closing

import msgspec

from aiocrew.errors import UsageError
from aiocrew.tools.text import sendable

__all__ = ["Passage", "best_of", "best_passages", "cut_into_passages"]

LONGEST_PASSAGE, OVERLAP = 800, 120
_MOST_TERMS = 64

# "porter" finds libraries by library. Marks belong to words: Indian vowel signs are marks.
_INDEX = """CREATE VIRTUAL TABLE passage USING fts5(source UNINDEXED, shown UNINDEXED, text,
    tokenize="porter unicode61 remove_diacritics 0 categories 'L* N* M* Co'")"""
_FOUND = """SELECT source, shown, -bm25(passage) AS score FROM passage
    WHERE passage MATCH ? ORDER BY score DESC, rowid LIMIT ?"""

# Scripts that put no spaces between words, each with how many characters in a row say something in it.
_HAN_AND_KANA = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_THAI_LAO_BURMESE_KHMER = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_UNSPACED = _HAN_AND_KANA + _THAI_LAO_BURMESE_KHMER
_TERM = re.compile(f"(?P<two>[{_HAN_AND_KANA}]+)|(?P<three>[{_THAI_LAO_BURMESE_KHMER}]+)|(?P<word>[^\\s{_UNSPACED}]+)")
_PIECE = re.compile(f"[{_UNSPACED}]|[^{_UNSPACED}]+")
_FILL = (
    "a about all an and any are as at be by can did do does for from had has have how i if in into is it its me my of "
    "on or our so than that the their them then there these they this to was we were what when where which who whom "
    "why will with would you your"
)
_FILL_WORDS = frozenset(_FILL.split())
"""What a question in English has beside the words that it is about."""


class Passage(msgspec.Struct, frozen=True):
    """A part of a text that fits a query; the greater the score, the better. Scores compare within one search only."""

    source: str
    text: str
    score: float


def best_passages(documents: Iterable[tuple[str, str]], query: str, limit: int = 5) -> list[Passage]:
    """Return the `limit` passages that fit `query` best, the best first; none if no word of it is there.

    `documents` are (source, text). Any text is a query: no character in it has a meaning of its own. Capitals, accents
    and English endings do not count, and the start of a word finds the whole. Blocks: give it a thread.
    """
    return best_of(((source, part) for source, text in documents for part in cut_into_passages(text)), query, limit)


def best_of(passages: Iterable[tuple[str, str]], query: str, limit: int = 5) -> list[Passage]:
    """Return the best of `passages`, (source, text), as `best_passages` does, but each is taken whole.

    UsageError when this Python's SQLite was built without FTS5.
    """
    import sqlite3  # importing a tool may not load it

    wanted = _match_expression(query)
    if not wanted or limit < 1:
        return []
    # SQLite keeps the texts, too: millions of short ones take a fifth of what they take as Python's strings.
    rows = ((sendable(source), sendable(text), _indexed(text)) for source, text in passages)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as index:
        try:
            index.execute(_INDEX)
        except sqlite3.OperationalError as error:
            raise UsageError(
                f"searching in texts needs SQLite 3.25 or later with FTS5; this Python has {sqlite3.sqlite_version}, "
                f"which says: {error}. Another build of Python brings it"
            ) from error
        index.execute("BEGIN")
        index.executemany("INSERT INTO passage VALUES (?, ?, ?)", rows)
        found: list[tuple[str, str, float]] = index.execute(_FOUND, (wanted, limit)).fetchall()
    return [Passage(*row) for row in found]


def cut_into_passages(text: str, longest: int = LONGEST_PASSAGE, overlap: int = OVERLAP) -> Iterator[str]:
    """Give `text` in parts of at most `longest` characters, which end where a paragraph, sentence or word does.

    Each begins up to `overlap` characters before the end of the one before, so what stands at a cut is found, too.
    """
    start, size = 0, len(text)
    while start < size:
        end = size if size - start <= longest else _good_end(text, start + longest // 2, start + longest)
        part = text[start:end].strip()
        if part:
            yield part
        if end == size:
            return
        start = _good_start(text, max(end - overlap, start + 1), end)


def _good_end(text: str, earliest: int, latest: int) -> int:
    for mark in ("\n\n", "\n", ". ", "。", " "):
        at = text.rfind(mark, earliest, latest)
        if at >= 0:
            return at + len(mark)
    return latest


_SPACE = re.compile(r"\s+")


def _good_start(text: str, earliest: int, end: int) -> int:
    space = _SPACE.search(text, earliest - 1, end)
    return space.end() if space else earliest


def _match_expression(query: str) -> str:
    """Return `query` as an expression of FTS5 that any one of its words fulfils; empty if it has no word."""
    terms = [term for found in _TERM.finditer(_plain(query)) for term in _terms(found)]
    telling = [term for term in terms if term not in _FILL_WORDS] or terms
    return " OR ".join(_quoted(term) for term in list(dict.fromkeys(telling))[:_MOST_TERMS])


def _terms(found: re.Match[str]) -> list[str]:
    term, kind = found[0], found.lastgroup
    if kind == "word":
        words = "".join(character if _in_words(character) else " " for character in term).split()
        # "acme's" and "foo-bar": what stands together counts most, but a part of it is something, too.
        return [" ".join(words), *(word for word in words if _says_something(word))] if words else []
    size = min(2 if kind == "two" else 3, len(term))
    return [" ".join(term[at : at + size]) for at in range(len(term) - size + 1)]


def _says_something(word: str) -> bool:
    return len(word) > 2 or not word.isascii()


def _in_words(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _quoted(term: str) -> str:
    # The start of a word finds the whole, but two letters start too many words; two Korean syllables are a word.
    return f'"{term}"*' if _says_something(term.rpartition(" ")[2]) else f'"{term}"'


def _indexed(text: str) -> str:
    plain = _plain(text)
    return plain if plain.isascii() else " ".join(_PIECE.findall(plain))


def _plain(text: str) -> str:
    """Return `text` without capitals, accents and vowel points, and with one form of each character."""
    if text.isascii():
        return text.lower().replace("\0", " ")
    apart = unicodedata.normalize("NFKD", sendable(text).replace("\0", " ").casefold())
    # Classes below 10 are parts of letters: the nukta and virama of Indian scripts, the voicing of kana.
    accents = {ord(character): None for character in set(apart) if unicodedata.combining(character) >= 10}
    return unicodedata.normalize("NFC", apart.translate(accents))
