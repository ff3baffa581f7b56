"""Comments that say which findings of a line are meant to be: `# aiocrew: ignore[AIC101]`."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Mapping

__all__ = ["Ignored", "ignored_lines"]

Ignored = frozenset[str] | None
"""The codes that a line ignores; None is all of them."""

_COMMENT = re.compile(r"#\s*aiocrew:\s*ignore(?:\[(?P<codes>[^\]]*)\]|(?![\w\[-]))", re.IGNORECASE)


def ignored_lines(source: str) -> Mapping[int, Ignored]:
    """Return what each line with such a comment ignores; the same words in a string are none."""
    if "aiocrew:" not in source.lower():
        return {}
    lines: dict[int, Ignored] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type != tokenize.COMMENT:
                continue
            for comment in _COMMENT.finditer(token.string):
                codes = comment["codes"]
                before = lines.get(token.start[0], frozenset[str]())
                found = None if codes is None else frozenset(re.split(r"[\s,]+", codes.strip().upper()))
                lines[token.start[0]] = None if found is None or before is None else before | found
    except (tokenize.TokenError, SyntaxError):
        pass  # Python could parse it; what comes after this place stays unread
    return lines
