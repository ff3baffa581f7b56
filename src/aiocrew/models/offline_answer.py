"""The offline model's answers: plain sentences made of the task, the tools' results and the context. Pure."""

from __future__ import annotations

from itertools import chain, count, cycle, islice
from typing import Any

import msgspec

from aiocrew.models.offline_arguments import filled_in
from aiocrew.models.offline_brief import Brief, first_sentence, sentences, subject_of

__all__ = ["answer_to"]

HONEST = "Written by aiocrew's offline model from the task's own words; no language model was asked."
_LONGEST = 240


def answer_to(brief: Brief) -> str:
    """Return the answer, in the shape that the task asks for."""
    if brief.exactly and (not brief.in_form or brief.exactly.startswith("{")):
        return brief.exactly
    match brief.shape:
        case "json":
            return _json(brief)
        case "bullets":
            return _bullets(brief)
        case "words":
            return _words(brief)
        case "text":
            return _text(brief)


def _facts(brief: Brief) -> list[str]:
    """Return what is known: the tools' results first, then what earlier tasks gave."""
    known = [*brief.results, *brief.context]
    # The remark under an earlier answer is no fact of this one.
    found = (_short(piece) for text in known for piece in _pieces(text.replace(HONEST, "")))
    return list(dict.fromkeys(fact for fact in found if any(c.isalnum() for c in fact)))


def _pieces(text: str) -> list[str]:
    """Return a list's points, without what stands above them; else the sentences."""
    points = [line[2:].strip() for line in text.splitlines() if line.startswith("- ")]
    return points or sentences(text)


def _text(brief: Brief) -> str:
    lines = [f"On the task: {_short(first_sentence(brief.task))}"]
    lines += [f"From the tools: {_short(_flat(result))}" for result in brief.results]
    lines += [
        f"From earlier tasks: {_short(_flat(part.replace(HONEST, '')))}" for part in brief.context if part != HONEST
    ]
    if brief.expected:
        lines.append(f"Asked for: {_short(_flat(brief.expected))}")
    return "\n".join([*lines, HONEST])


def _bullets(brief: Brief) -> str:
    subject = subject_of(brief.task)
    more = (f"{subject}: point {n}" for n in count(1))
    points = list(islice(chain(_facts(brief), more), brief.amount))
    return "\n".join([_short(first_sentence(brief.task)), *(f"- {point}" for point in points), HONEST])


def _words(brief: Brief) -> str:
    material = " ".join([first_sentence(brief.task), *_facts(brief)]).split() or ["word"]
    return f"{' '.join(islice(cycle(material), brief.amount))}\n\n{HONEST}"


def _json(brief: Brief) -> str:
    subject = subject_of(brief.task)
    if brief.schema is not None:
        known = _short(" ".join(_facts(brief)[:1]))
        value: Any = filled_in(brief.schema, subject=known or subject, task=brief.task, complete=brief.in_form)
    else:
        value = {
            "subject": subject,
            "task": _short(first_sentence(brief.task)),
            "facts": _facts(brief)[:10],
            "note": HONEST,
        }
    return msgspec.json.encode(value).decode()


def _flat(text: str) -> str:
    return " ".join(text.split())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3].rstrip()}..."
