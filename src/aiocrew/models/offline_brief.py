"""What the offline model understands of a Request: task, form of the answer, tools, what is known already. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from aiocrew.types.messages import Assistant, Message, Request, System, ToolResult, ToolSpec, User

__all__ = ["Brief", "Shape", "brief_of", "first_sentence", "sentences", "subject_of", "words_of"]

Shape: TypeAlias = Literal["text", "bullets", "words", "json"]

_TASK = re.compile(r"^Your task: (?P<task>.*?)(?=^The answer must be: |^What is known so far:|\Z)", re.S | re.M)
_EXPECTED = re.compile(r"^The answer must be: (?P<expected>.*?)(?=^What is known so far:|^Reply with |\Z)", re.S | re.M)
_CONTEXT = re.compile(r"^What is known so far:\n(?P<context>.*?)(?=^Reply with the complete answer|\Z)", re.S | re.M)
_FORM = re.compile(r"^The answer must be one JSON object of this schema:\n(?P<schema>\{.*\})$", re.M)
_OBSERVATION = re.compile(r"^Observation:[ \t]*", re.M)
_OFFERED = re.compile(
    r"^- (?P<name>[^\n:]+): (?P<about>.*?)\n\s*arguments \(JSON schema\): (?P<schema>\{.*\})$", re.S | re.M
)
_EXACTLY = re.compile(r"\b(?:reply|respond|answer)(?: only)? with exactly(?: this)?:[ \t]*(?P<text>[^\n]+)", re.I)
_QUOTED = re.compile(r"(?<!\w)[\"\u201c'](?P<phrase>[^\"\u201d'\n]{3,60})[\"\u201d'](?!\w)")
_ABOUT = re.compile(r"\b(?:about|regarding|concerning|covering|on)\s+(?P<phrase>[^\n.,;:!?()]{3,})", re.I)
_AMOUNTS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_AMOUNT = {name: n for n, name in enumerate(_AMOUNTS.split("|"), start=1)}
_NUMBER = rf"(?P<n>\d{{1,4}}|{_AMOUNTS})"
_LISTED = "bullets?|points?|items?|ideas?|facts?|steps?|headlines?|titles?|tips?|trends?"
_BULLETS = re.compile(rf"\b{_NUMBER}[\s-]+(?:[\w-]+\s+){{0,3}}?(?:{_LISTED})\b", re.I)
_WORDS = re.compile(rf"\b{_NUMBER}[\s-]+words?\b", re.I)
_JSON = re.compile(r"\bJSON\b", re.I)
_DULL = re.compile(
    r"\b(?:a|an|and|any|are|as|at|be|by|can|do|each|for|from|give|has|have|how|i|in|into|is|it|its|me|most|my|of|on|one|or"
    r"|our|out|please|so|some|such|than|that|the|their|them|then|these|they|this|to|us|use|was|we|what|when|where|which"
    r"|who|why|will|with|write|you|your|answer|task|must)\b"
)


@dataclass(frozen=True, slots=True)
class Brief:
    """A Request as far as the offline model understands it."""

    task: str
    expected: str
    context: tuple[str, ...]
    results: tuple[str, ...]
    """What tools gave since the task was set."""
    tools: tuple[ToolSpec, ...]
    """What may be called now."""
    in_text: bool
    """Tools are offered, and answers expected, in the text protocol."""
    must_call: bool
    turn: int
    exactly: str
    shape: Shape
    amount: int
    schema: msgspec.Raw | None
    """The JSON schema that the answer is asked to keep to."""
    in_form: bool
    """The answer must be of that schema, and nothing else."""


def brief_of(request: Request) -> Brief:
    """Return what the request asks for."""
    messages = request.messages
    told = "\n".join(message.text for message in messages if isinstance(message, System | User))
    form = _form_of(request, told)
    told = _FORM.sub("", told)
    in_text = "Action Input:" in told and not request.tools
    at, asked = _last_question(messages)
    asked = _FORM.sub("", asked)
    task = _found(_TASK, "task", asked) or asked.strip()
    expected = _found(_EXPECTED, "expected", asked)
    context = _found(_CONTEXT, "context", asked)
    offered = _offered_in_text(told) if in_text else request.tools
    due = request.tool_choice == "none" or (request.tool_choice == "required" and request.answer is not None)
    shape, amount = _shape(f"{expected}\n{task}") if form is None else ("json", 0)
    exactly = _EXACTLY.search(f"{task}\n{expected}")
    return Brief(
        task=task,
        expected=expected,
        context=tuple(part.strip() for part in context.split("\n\n") if part.strip()),
        results=_results(messages[at + 1 :]),
        tools=() if due else offered,
        in_text=in_text,
        must_call=request.tool_choice == "required" and bool(offered),
        turn=sum(isinstance(message, Assistant) for message in messages),
        exactly=exactly["text"].strip().strip("\"'`") if exactly else "",
        shape=shape,
        amount=amount,
        schema=_schema_in(f"{asked}\n{told}") if form is None and shape == "json" else form,
        in_form=form is not None,
    )


def _form_of(request: Request, told: str) -> msgspec.Raw | None:
    if request.answer is not None:
        return request.answer.schema
    found = _FORM.search(told)
    if found is None:
        return None
    try:
        msgspec.json.decode(found["schema"])
    except msgspec.DecodeError:
        return None
    return msgspec.Raw(found["schema"].encode())


def _last_question(messages: Sequence[Message]) -> tuple[int, str]:
    """Return where the task stands: the last message that sets one, else the last that is no tool's result."""
    users = [(n, m.text) for n, m in enumerate(messages) if isinstance(m, User) and not _OBSERVATION.match(m.text)]
    tasks = [(n, text) for n, text in users if _TASK.search(text)]
    return (tasks or users or [(-1, "")])[-1]


def _found(pattern: re.Pattern[str], group: str, text: str) -> str:
    match = pattern.search(text)
    return match[group].strip() if match else ""


def _results(messages: Sequence[Message]) -> tuple[str, ...]:
    native = [m.text for m in messages if isinstance(m, ToolResult)]
    in_text = [_OBSERVATION.sub("", m.text, 1) for m in messages if isinstance(m, User) and _OBSERVATION.match(m.text)]
    return tuple(text.strip() for text in native + in_text)


def _offered_in_text(told: str) -> tuple[ToolSpec, ...]:
    return tuple(
        ToolSpec(match["name"].strip(), match["about"].strip(), msgspec.Raw(match["schema"].encode()))
        for match in _OFFERED.finditer(told.partition("Action Input:")[0])
    )


def _shape(asked: str) -> tuple[Shape, int]:
    if _JSON.search(asked):
        return "json", 0
    if match := _BULLETS.search(asked):
        return "bullets", _amount(match["n"])
    if match := _WORDS.search(asked):
        return "words", _amount(match["n"])
    return "text", 0


def _amount(text: str) -> int:
    return max(1, _AMOUNT.get(text.lower()) or int(text))


def _schema_in(text: str) -> msgspec.Raw | None:
    """Return the first JSON object in a text that describes fields."""
    at = text.find("{")
    while at >= 0:
        end = _end_of_object(text, at)
        candidate = text[at : end + 1]
        if '"properties"' in candidate:
            try:
                msgspec.json.decode(candidate)
            except msgspec.DecodeError:
                pass
            else:
                return msgspec.Raw(candidate.encode())
        at = text.find("{", max(end, at) + 1)
    return None


def _end_of_object(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text) - 1


def sentences(text: str) -> list[str]:
    """Return a text's sentences and lines, without their bullets."""
    lines = re.split(r"(?<=[.!?])\s+|\n+", text)
    return [clean for line in lines if (clean := re.sub(r"^[\s*#>-]+|^\d+[.)]\s+", "", line).strip())]


def first_sentence(text: str) -> str:
    """Return the first sentence of a text."""
    found = sentences(text)
    return found[0] if found else ""


def subject_of(task: str) -> str:
    """Return what a task is about, as a short phrase of its own words."""
    sentence = first_sentence(task)
    match = _QUOTED.search(task) or _ABOUT.search(sentence)
    phrase = match["phrase"] if match else re.sub(r"^\w+\s+", "", sentence) or sentence
    words = re.sub(r"\s+", " ", phrase).strip(" .?!").split(" ")
    while len(words) > 1 and words[0].lower() in {"the", "a", "an", "its", "our", "your"}:
        words = words[1:]
    # "AI in medicine and list three risks" goes on to the next thing to do; "cats and dogs" does not.
    end = next((n for n, word in enumerate(words) if word.lower() == "and" and n > 1), len(words))
    return " ".join(words[: min(end, 8)])


def words_of(text: str) -> set[str]:
    """Return the words of a text that say something, in lower case and without plural."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text).lower()
    return {word.removesuffix("s") for word in re.findall(r"[a-z]{2,}", _DULL.sub(" ", plain))}
