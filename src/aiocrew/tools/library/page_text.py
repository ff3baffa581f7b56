"""What a page says, as text to read: HTML without its tags, text and JSON as they are. Pure.

Not with html.parser: it takes quadratic time for a page of "<a <a <a", minutes for a few hundred KB, and raises for
"<![x". Here every character is looked at a bounded number of times, whatever the page holds.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from aiocrew.net.page import Page
from aiocrew.tools.library.page_encoding import decoded
from aiocrew.tools.text import clip, sendable

__all__ = ["readable_text"]

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = re.compile(r"text/.+|application/(?:json|xml|javascript|yaml|x-yaml|x-ndjson)|[^/]++/[^+]++\+(?:json|xml)")


def readable_text(page: Page) -> str:
    """Return the page's text: of HTML the title, and lines for headings, paragraphs, list items and table rows.

    PageError when it is something else than text, or holds none. Takes a second for some MB: give it a thread.
    """
    kind = page.content_type.partition(";")[0].strip().lower() or _guessed(page.body)
    if kind in _HTML:
        text = _without_tags(decoded(page.body, page.content_type, in_html=True))
    elif _TEXT.fullmatch(kind) and b"\0" not in page.body[:1_000].removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff"):
        text = decoded(page.body, page.content_type, in_html=False)
    else:
        size = f"{len(page.body)} bytes{' and more' if page.truncated else ''}"
        raise page.error(f"is no text that can be read here, but {clip(kind, 100) or 'something unknown'} ({size})")
    if not text or text.isspace():
        raise page.error("holds no text; it may be a page that only JavaScript fills")
    return sendable(text)


def _guessed(body: bytes) -> str:
    start = body[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<") and not start.startswith(b"<?xml"):
        return "text/html"
    return "" if b"\0" in start else "text/plain"


# Possessive quantifiers, and each alternative can end at the end of the page: a match never fails after a long way.
_TAG = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<(?:[!?]|/(?![a-zA-Z]))[^>]*+(?:>|\Z)"
    r"|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?:[^>=]++|=\s*+\"[^\"]*+\"|=\s*+'[^']*+'|=)*+(?:>|\Z)",
    re.DOTALL,
)

_DROPPED_TO_THE_END = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea"})
"""Browsers take all that follows for the element's content if it is not closed."""
_DROPPED_IF_CLOSED = frozenset(
    {"audio", "canvas", "datalist", "math", "noscript", "object", "svg", "template", "video"}
)
_FOREIGN = frozenset({"math", "svg"})
_CLOSING = {
    name: re.compile(rf"</{name}(?=[\s/>]|\Z)", re.IGNORECASE)
    for name in _DROPPED_TO_THE_END | _DROPPED_IF_CLOSED | {"title"}
}

_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_PREFIXES = {**_HEADINGS, "li": "- ", "ol": "", "ul": ""}
_PARAGRAPHS = frozenset({*_HEADINGS, "article", "blockquote", "dl", "hr", "ol", "p", "pre", "section", "table", "ul"})
# fmt: off
_LINES = _PARAGRAPHS | {
    "address", "aside", "body", "br", "caption", "center", "dd", "details", "dialog", "dir", "div", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hgroup", "html", "legend", "li", "main", "menu", "nav",
    "optgroup", "option", "search", "select", "summary", "tbody", "tfoot", "thead", "tr",
}
# fmt: on


def _without_tags(page: str) -> str:
    title, lines = "", _Lines()
    never_closed: set[str] = set()
    at = 0
    while tag := _TAG.search(page, at):
        lines.write(page[at : tag.start()])
        at = tag.end()
        name = (tag["name"] or "").lower()
        if name not in _CLOSING:
            if name:
                lines.tag(name, ends=bool(tag["end"]))
            continue
        if tag["end"] or name in never_closed or (name in _FOREIGN and tag[0].endswith("/>")):
            continue
        closing = _CLOSING[name].search(page, at)
        if closing is not None:
            if name == "title":
                title = title or " ".join(_unescaped(page[at : closing.start()]).split())
            at = closing.start()
        elif name in _DROPPED_TO_THE_END:
            return lines.text(title)
        else:
            never_closed.add(name)  # looked for once, not once for each
    lines.write(page[at:])
    return lines.text(title)


class _Lines:
    """The lines of a page, while its tags are read from the first to the last."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._parts: list[str] = []
        self._prefix = ""
        self._apart = False
        self._preformatted = False

    def write(self, raw: str) -> None:
        if raw:
            self._parts.append(_unescaped(raw))

    def tag(self, name: str, *, ends: bool) -> None:
        if name in _LINES:
            self._break()
            self._apart = self._apart or name in _PARAGRAPHS
            if name == "pre":
                self._preformatted = not ends
            elif name in _PREFIXES:
                self._prefix = "" if ends else _PREFIXES[name]
        elif name in ("td", "th") and not ends and self._parts:
            self._parts.append(" | ")

    def text(self, title: str) -> str:
        self._break()
        text = "\n".join([*([title, ""] if title else []), *self._lines])
        return text if text.isascii() and text.isprintable() else text.translate(_UNSEEN)

    def _break(self) -> None:
        """End the line, if there is anything on it."""
        text, self._parts = "".join(self._parts), []
        for line in text.splitlines() if self._preformatted else _joined(text):
            if not line or line.isspace():
                self._apart = True
                continue
            if self._apart and self._lines:
                self._lines.append("")
            self._lines.append(self._prefix + line.rstrip())
            self._prefix, self._apart = "", False


def _joined(text: str) -> Iterator[str]:
    line = " ".join(text.split())
    if line.strip("| "):  # else a row of empty cells
        yield line


# int() refuses more than 4,300 digits, and html.unescape passes that on.
_ENDLESS_REFERENCE = re.compile(r"&#[0-9]{20,}+;?")


def _unescaped(raw: str) -> str:
    return html.unescape(_ENDLESS_REFERENCE.sub("\ufffd", raw)) if "&" in raw else raw


# What nobody sees who looks at the page: control characters, soft hyphens, marks of width and direction, and the tags
# and variation selectors that can hide a text from people while a model reads it.
_UNSEEN = dict.fromkeys(
    [
        *(code for code in range(0x20) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        0xAD,
        0x200B,
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
        0xFEFF,
        *range(0xE0000, 0xE0080),
        *range(0xE0100, 0xE01F0),
    ]
)
