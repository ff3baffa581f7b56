"""Texts of others as they may be shown: nothing in them drives a terminal, hides, or changes its neighbours' order."""

from __future__ import annotations

__all__ = ["lines_of", "printable", "shortened"]

_UNSEEN = frozenset(
    # Printable by their category, and yet without a shape. U+FE0E and U+FE0F are left: they belong to common emoji.
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0D),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)
_TAB = 4


def printable(text: str) -> str:
    """Return `text` on one line with all that has no shape of its own shown as an escape: a newline is `\\n`.

    These are control characters, marks of direction, characters of no width, and halves of surrogate pairs.
    """
    if text.isprintable() and (text.isascii() or _UNSEEN.isdisjoint(text)):
        return text
    return "".join(c if c.isprintable() and c not in _UNSEEN else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, length: int) -> str:
    """Return `text` printable, in no more than `length` characters; `…` stands where it goes on."""
    shown = printable(text[: length + 1])  # escapes only make it longer
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def lines_of(text: str, most_lines: int, most_characters: int) -> list[str]:
    """Return the lines of `text`, each printable; a last line says how much is left out."""
    kept = text[:most_characters]
    lines = kept.replace("\r\n", "\n").strip("\n").split("\n")
    shown = [printable(line.expandtabs(_TAB).rstrip(" ")) for line in lines[:most_lines]]
    if len(lines) > most_lines:
        more = text.count("\n", len("\n".join(lines[:most_lines])))
        shown.append(f"… {max(1, more):,} more lines")
    elif len(text) > most_characters:
        shown.append(f"… {len(text) - most_characters:,} more characters")
    return shown
