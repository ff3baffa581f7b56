"""An answer in a form: what a model is told of a pydantic class, and reading an instance out of what it says. Pure."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec
from pydantic import BaseModel, ValidationError

from aiocrew.models.answer_ways import answer_way
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.offline import OfflineModel
from aiocrew.models.output_schema import schema_of, strict_form
from aiocrew.models.resolved import ResolvedModel
from aiocrew.types.messages import AnswerSpec, ToolSpec

__all__ = ["AnswerProblem", "answer_spec", "named_apart", "read_answer", "tells_form"]

M = TypeVar("M", bound=BaseModel)

_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1024
"""Characters that OpenAI takes in the description of a function."""
_MOST_LINES = 10
_LONGEST_LINE = 200
_MOST_OBJECTS = 50
"""Braces in prose that are looked at."""

_THOUGHT, _THOUGHT_ENDS = "<think>", "</think>"

_SPECS: WeakKeyDictionary[type[BaseModel], AnswerSpec] = WeakKeyDictionary()
_DECODER = json.JSONDecoder(strict=False)  # a line break inside a text is no reason to ask again
_FENCE = re.compile(r"^[ \t]*```[ \t]*[\w-]*[ \t]*\n(?P<inside>.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_BRACE = re.compile(r"[{}]")
_TEXT_OR_SPARE_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"|,(?=\s*+[}\]])', re.DOTALL)


class AnswerProblem(msgspec.Struct, frozen=True, gc=False):
    """Why an answer cannot be read, in words that a model can act on."""

    text: str


class _Found(msgspec.Struct, frozen=True):
    """A JSON value in an answer."""

    value: Any
    alone: bool
    """It is all that was said, or all that stands in a fence."""


class _Broken(msgspec.Struct, frozen=True, gc=False):
    """What was meant as JSON, and is none."""

    why: str
    cut: bool = False
    """It begins as an object that never ends, so what stands before it is not the answer either."""


_Piece: TypeAlias = _Found | _Broken


def answer_spec(cls: type[BaseModel]) -> AnswerSpec:
    """Return the form of an answer that is to be a `cls`, the same object each time.

    Raises BlueprintError for a class that JSON cannot describe, or that is no object with named fields.
    """
    spec = _SPECS.get(cls)
    if spec is None:
        schema = schema_of(cls)
        strict = strict_form(schema)
        spec = _SPECS[cls] = AnswerSpec(
            name=_name_of(cls),
            description=_description_of(cls),
            schema=_raw(schema),
            strict_schema=None if strict is None else _raw(strict),
        )
    return spec


def named_apart(spec: AnswerSpec, tools: Sequence[ToolSpec]) -> AnswerSpec:
    """Return the form under a name that none of `tools` has, so that a call of it is the answer and nothing else."""
    taken = {tool.name for tool in tools}
    if spec.name not in taken:
        return spec
    names = (f"{spec.name[: _LONGEST_NAME - 10]}_answer{n}" for n in ("", *range(2, len(taken) + 2)))
    return msgspec.structs.replace(spec, name=next(name for name in names if name not in taken))


def tells_form(model: ResolvedModel) -> bool:
    """Return whether a request's `answer` tells this model the form of its answer.

    Where it does not, the prompt has to: for a few models that can neither keep to a schema nor be made to call a tool,
    and for models of one's own, which may read `answer` and may not. A model of the text protocol is not to be given
    one at all: it would be asked for a tool call, or kept from calling its tools.
    """
    if model.tool_protocol == "text":
        return False
    if isinstance(model.model, OfflineModel):
        return True
    endpoint: Any = getattr(model.model, "endpoint", None)
    return isinstance(endpoint, Endpoint) and answer_way(endpoint) != "text"


def read_answer(cls: type[M], text: str) -> M | AnswerProblem:
    """Return the `cls` that stands in a model's text as JSON, or what is wrong with it.

    The JSON may be all of the text, stand in a fence or in prose, be a JSON string that holds the object, and have
    commas too many. No value is guessed. It never raises, whatever the text is.
    """
    said = _said(text)
    if said.startswith(_THOUGHT) and _THOUGHT_ENDS not in said:
        return AnswerProblem("it ended while you were still thinking; think less, and answer with one JSON object")
    if not said:
        return AnswerProblem("the answer is empty; it must be one JSON object")
    answer = _first(cls, said)
    if isinstance(answer, AnswerProblem):
        mended = _TEXT_OR_SPARE_COMMA.sub(lambda found: "" if found[0] == "," else found[0], said)
        if mended != said and isinstance(found := _first(cls, mended), cls):
            return found
    return answer


def _name_of(cls: type[BaseModel]) -> str:
    # A generic one is called Page[Item].
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", cls.__name__).strip("_-")[:_LONGEST_NAME]
    return name if name[:1].isalpha() else f"answer_{name}"[:_LONGEST_NAME].rstrip("_-")


def _description_of(cls: type[BaseModel]) -> str:
    paragraph = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
    return " ".join(paragraph.split())[:_LONGEST_DESCRIPTION]


def _raw(schema: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))


def _said(text: str) -> str:
    """Return the text without what a model thought aloud before it."""
    after = text.rpartition(_THOUGHT_ENDS)[2].strip("\ufeff \t\r\n")
    return after or text.strip("\ufeff \t\r\n")


def _first(cls: type[M], text: str) -> M | AnswerProblem:
    """Return the first value in `text` that is a `cls`, else the problem of the first that might have been meant."""
    answer: M | None = None
    problem: AnswerProblem | None = None
    for piece in _pieces(text):
        if isinstance(piece, _Broken):
            answer = None if piece.cut else answer
            problem = problem or AnswerProblem(piece.why)
        elif answer is None:
            read = _validated(cls, piece)
            if isinstance(read, AnswerProblem):
                problem = problem or read
            elif piece.alone:
                return read
            else:
                answer = read
    if answer is not None:
        return answer
    return problem or AnswerProblem(
        "there is no JSON object in the answer; it must be one JSON object and nothing else"
    )


def _pieces(text: str) -> Iterator[_Piece]:
    whole = _decoded(text)
    if isinstance(whole, _Found):
        yield whole
        return
    fenced = [_decoded(match["inside"]) for match in _FENCE.finditer(text)]
    yield from (piece for piece in fenced if isinstance(piece, _Found))
    yield from _in_prose(text)


def _decoded(text: str) -> _Piece:
    """Return the value that the whole text is, also where it was encoded twice."""
    try:
        value: Any = json.loads(text, strict=False)
        if isinstance(value, str):
            value = json.loads(value, strict=False)
    except (ValueError, RecursionError) as error:
        return _Broken(_why(error))
    return _Found(value, alone=True)


def _in_prose(text: str) -> Iterator[_Piece]:
    """Give the objects between other words. An object inside one that is broken is never taken for the answer."""
    at, closings = text.find("{"), _closings(text)
    for _ in range(_MOST_OBJECTS):
        if at < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            failed = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
            if text[at + 1 : failed].strip():
                yield _Broken(_why(error), cut=at not in closings)
                return
            end = closings.get(at, at + 1)  # {name} in prose, :-{
        else:
            yield _Found(value, alone=False)
        at = text.find("{", end)


def _closings(text: str) -> dict[int, int]:
    """Return for each brace that is closed where it is closed, by counting only."""
    opened: list[int] = []
    closed: dict[int, int] = {}
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif opened:
            closed[opened.pop()] = brace.end()
    return closed


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    return "it is no JSON that can be read: it is nested too deeply, or has a number that is too long"


def _validated(cls: type[M], found: _Found) -> M | AnswerProblem:
    if not isinstance(found.value, dict):
        return AnswerProblem(f"the answer must be one JSON object, not {_kind(found.value)}")
    value = cast("dict[str, Any]", found.value)
    try:
        # As JSON: a strict class takes dates and enums as texts there only.
        answer = cls.model_validate_json(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except ValidationError as error:
        return AnswerProblem(_in_words(error))
    except Exception as error:  # user code: a validator that did not reckon with this value
        return AnswerProblem(_clip(f"its values cannot be checked: {type(error).__name__}: {_text_of(error)}"))
    if not answer.model_fields_set and cls.model_fields and (value or not found.alone):
        # Where no field is required, any object would do: the schema itself, or {} in a sentence.
        return AnswerProblem(_clip(f"the object has none of the fields {', '.join(cls.model_fields)}"))
    return answer


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "null" if value is None else f"a {type(value).__name__}"


def _in_words(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"- {_place(one['loc'])}: {one['msg']}" for one in errors[:_MOST_LINES]]
    more = [f"- and {len(errors) - _MOST_LINES} more"] if len(errors) > _MOST_LINES else []
    return "\n".join(["it does not keep to its schema:", *map(_clip, lines), *more])


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the whole object"


def _text_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # user code, too
        return ""


def _clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 3]}..."
