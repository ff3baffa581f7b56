"""What a docstring says about parameters: Google's, NumPy's and reST's ways of writing it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Docstring", "parse_docstring"]

_GOOGLE_HEADER = re.compile(r"(?:Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments)\s*:\s*$")
_GOOGLE_ENTRY = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:(?:\s+(.*)|\s*)$")
_NUMPY_HEADER = re.compile(r"(?:Other )?Parameters\s*$")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
_REST_PARAM = re.compile(r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*?\s)?(\*{0,2}\w+)\s*:\s*(.*)$")
_REST_TYPE = re.compile(r":type\s+\w+\s*:")


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring taken apart."""

    text: str
    """All but what is said about single parameters."""
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    """What is said about each parameter, in one line."""


def parse_docstring(doc: str | None) -> Docstring:
    """Return the parts of `doc`. What is in none of the three styles stays in the text; nothing is an error."""
    if not doc:
        return Docstring("")
    lines = inspect.cleandoc(doc).splitlines()
    found: dict[str, list[str]] = {}
    kept: list[str] = []
    at = 0
    while at < len(lines):
        taken = _google(lines, at, found) or _numpy(lines, at, found) or _rest(lines, at, found)
        if not taken:
            kept.append(lines[at])
        at += taken or 1
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in kept)).strip()
    return Docstring(text, {name: " ".join(" ".join(parts).split()) for name, parts in found.items()})


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _block(lines: list[str], start: int, deeper_than: int) -> int:
    """Return how many lines from `start` on are blank or indented deeper; blank ones at the end do not count."""
    size = 0
    for number, line in enumerate(lines[start:], 1):
        if line.strip():
            if _indent(line) <= deeper_than:
                break
            size = number
    return size


def _google(lines: list[str], at: int, found: dict[str, list[str]]) -> int:
    """Return how many lines of a section `Args:` start at `at`, having taken its entries; 0 if none does."""
    if not _GOOGLE_HEADER.match(lines[at].strip()):
        return 0
    size = _block(lines, at + 1, _indent(lines[at]))
    body = lines[at + 1 : at + 1 + size]
    depth = min((_indent(line) for line in body if line.strip()), default=0)
    entries = dict(_entries(body, depth))
    if not entries:
        return 0
    found.update(entries)
    return 1 + size


def _entries(body: list[str], depth: int) -> Iterator[tuple[str, list[str]]]:
    parts: list[str] = []
    for line in body:
        entry = _GOOGLE_ENTRY.match(line.strip()) if _indent(line) == depth else None
        if entry:
            parts = [entry[2] or ""]
            yield entry[1].lstrip("*"), parts
        else:
            parts.append(line)


def _numpy(lines: list[str], at: int, found: dict[str, list[str]]) -> int:
    """Return how many lines of an underlined section `Parameters` start at `at`; 0 if none does."""
    depth = _indent(lines[at])
    underline = lines[at + 1].strip() if at + 1 < len(lines) else ""
    if not (_NUMPY_HEADER.match(lines[at].strip()) and len(underline) > 2 and set(underline) == {"-"}):
        return 0
    here = at + 2
    any_entry = False
    while here < len(lines):
        if not lines[here].strip():
            here += 1
            continue
        entry = _NUMPY_ENTRY.match(lines[here].strip())
        next_line = lines[here + 1].strip() if here + 1 < len(lines) else ""
        if not entry or _indent(lines[here]) != depth or (next_line and set(next_line) == {"-"}):
            break
        size = _block(lines, here + 1, depth)
        for name in entry[1].split(","):
            found[name.strip().lstrip("*")] = lines[here + 1 : here + 1 + size]
        any_entry = True
        here += 1 + size
    return here - at if any_entry else 0


def _rest(lines: list[str], at: int, found: dict[str, list[str]]) -> int:
    """Return how many lines a field `:param name:` or `:type name:` at `at` has; 0 if there is none."""
    line = lines[at].strip()
    parameter = _REST_PARAM.match(line)
    if not parameter and not _REST_TYPE.match(line):
        return 0
    size = _block(lines, at + 1, _indent(lines[at]))
    if parameter:
        found[parameter[1].lstrip("*")] = [parameter[2], *lines[at + 1 : at + 1 + size]]
    return 1 + size
