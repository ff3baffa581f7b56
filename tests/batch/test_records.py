"""A recorded outcome comes back as it was."""

from __future__ import annotations

import json
import pickle
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, computed_field

from aiocrew import errors
from aiocrew.batch.keys import KeyMaker, canonical_json
from aiocrew.batch.records import FixedCost, RecordedFields, decode_outcome, encode_outcome
from aiocrew.errors import AiocrewError, BlueprintError, JournalError, Location
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcome, OutputFormat, TaskOutput
from aiocrew.types.usage import UsageMetrics

text = st.text(st.characters(exclude_categories=()))  # half surrogate pairs included
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text
fields = st.dictionaries(text, st.recursive(plain, lambda inner: st.lists(inner, max_size=3), max_leaves=5), max_size=3)
usages = st.builds(UsageMetrics, **{name: st.integers(0, 2**40) for name in UsageMetrics.model_fields})
tasks = st.builds(
    TaskOutput,
    description=text,
    name=st.none() | text,
    expected_output=st.none() | text,
    raw=text,
    pydantic=st.none(),
    json_dict=st.none() | fields,
    agent=text,
    output_format=st.sampled_from(OutputFormat),
)
costs = st.none() | st.floats(0, 1e6)
outputs = st.builds(
    CrewOutput,
    raw=text,
    pydantic=st.none(),
    json_dict=st.none() | fields,
    tasks_output=st.lists(tasks, max_size=3),
    token_usage=usages,
    duration_s=st.floats(0, 1e6),
    inputs=st.none(),
)


def again(outcome: Outcome, **changed: Any) -> Outcome:
    as_of = {"index": outcome.index, "inputs": outcome.inputs, "attempts": outcome.attempts, **changed}
    return decode_outcome(encode_outcome(outcome), journal="b.sqlite", **as_of)


def failed(error: BaseException) -> FailedRun:
    return FailedRun(error=error, status="failed")


@given(outputs, costs)
def test_an_output_comes_back_whole(output, cost_usd):
    back = again(output.costed(FixedCost(cost_usd)))
    assert isinstance(back, CrewOutput)
    assert back == output
    assert back.cost_usd == cost_usd


def test_position_inputs_and_attempts_are_those_of_the_batch_that_asks():
    back = again(CrewOutput(index=3, inputs={"a": 1}), index=7, inputs={"a": 2}, attempts=4)
    assert (back.index, back.inputs, back.attempts) == (7, {"a": 2}, 4)


EXAMPLES: dict[str, AiocrewError] = {
    "MissingInputError": errors.MissingInputError("m", variable="topic"),
    "MissingKeyError": errors.MissingKeyError("m", variables=("A_API_KEY", "B_API_KEY")),
    "ModelRefusedError": errors.ModelRefusedError("m", refusal="no"),
    "GuardrailError": errors.GuardrailError("m", guardrail="g", reason="r"),
    "CallbackError": errors.CallbackError("m", callback="f"),
    "DeadlineExceededError": errors.DeadlineExceededError("m", limit_s=2.5),
    "InterruptedToolError": errors.InterruptedToolError("m", tool="send_mail"),
    "JournalError": errors.JournalError("m", path="b.sqlite"),
    "BatchError": errors.BatchError("m", failures=()),
}
OWN = [cls for name in errors.__all__ if issubclass(cls := getattr(errors, name), AiocrewError)]


def example(cls: type[AiocrewError]) -> AiocrewError:
    if cls.__name__ in EXAMPLES:
        return EXAMPLES[cls.__name__]
    if issubclass(cls, errors.ProviderError):
        return cls("m", model="openai/m", status=429, retry_after_s=1.5, request_id="r-1")
    return cls("m")


@pytest.mark.parametrize("cls", OWN)
def test_an_error_of_ours_comes_back_as_its_class_with_its_fields(cls):
    error = example(cls).located(Location("crew", "task", "agent"))
    back = again(failed(error))
    assert isinstance(back, FailedRun)
    assert type(back.error) is cls
    assert vars(back.error) == vars(error)
    assert str(back.error) == str(error)
    assert back.error.__cause__ is None
    assert str(pickle.loads(pickle.dumps(back)).error) == str(error)


def test_the_errors_that_happened_at_once_come_back_too():
    error = errors.TaskError("first").with_others((errors.ModelTimeoutError("late", status=408), KeyError("k")))
    back = again(failed(error)).error
    assert isinstance(back, errors.TaskError)
    assert [type(other) for other in back.others] == [errors.ModelTimeoutError, AiocrewError]
    assert [str(other) for other in back.others] == ["late", "KeyError: 'k'"]


def test_of_a_subclass_of_ones_own_comes_back_what_of_it_is_ours():
    class HouseRule(errors.BadRequestError):
        pass

    error = HouseRule("no", status=422)
    error.body = object()
    back = again(failed(error)).error
    assert type(back) is errors.BadRequestError
    assert (back.status, back.body) == (422, None)


def test_any_other_error_comes_back_as_the_root_with_its_words():
    back = again(failed(ZeroDivisionError("by 0"))).error
    assert type(back) is AiocrewError
    assert str(back) == "ZeroDivisionError: by 0"


def test_usage_duration_and_cost_of_a_failure_are_kept():
    run = FailedRun(
        error=errors.TaskError("no"),
        status="failed",
        duration_s=2.5,
        token_usage=UsageMetrics(total_tokens=15),
        costing=FixedCost(0.25),
    )
    back = again(run)
    assert (back.status, back.duration_s, back.token_usage.total_tokens, back.cost_usd) == ("failed", 2.5, 15, 0.25)


class Author(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    born: date
    name: str = Field(alias="fullName")


class Report(BaseModel):
    title: str
    authors: list[Author]

    @computed_field
    def length(self) -> int:
        return len(self.title)


ADA = Author.model_validate({"fullName": "Ada", "born": date(1815, 12, 10)})


def test_an_instance_of_a_users_class_is_kept_as_its_fields():
    report = Report(title="t", authors=[ADA])
    task = TaskOutput(description="d", agent="a", pydantic=report, output_format=OutputFormat.PYDANTIC)
    back = again(CrewOutput(pydantic=report, tasks_output=[task]))
    assert (back["title"], back.json_dict, back.to_dict()["authors"][0]["born"]) == ("t", None, "1815-12-10")
    for kept in (back.pydantic, back.tasks_output[0].pydantic):
        assert isinstance(kept, RecordedFields)
        assert kept.as_a(Report) == report, "aliases, dates of a strict class, and what is computed are no hindrance"


def test_fields_that_their_class_does_not_take_any_more_are_refused():
    back = again(CrewOutput(pydantic=Report(title="t", authors=[])))
    with pytest.raises(ValueError, match="born"):
        back.pydantic.as_a(Author)


@pytest.mark.parametrize("output", [{"tasks_output": [3]}, {"tasks_output": 3}, {"pydantic": 3}, {"raw": 3}])
def test_a_record_whose_output_is_none_is_refused(output):
    record = json.dumps({**json.loads(encode_outcome(CrewOutput())), "output": output}).encode()
    with pytest.raises(JournalError, match="cannot be read"):
        decode_outcome(record, index=0, inputs=None, attempts=1, journal="b.sqlite")


def test_an_output_that_is_not_json_is_refused_in_words():
    with pytest.raises(BlueprintError, match="not JSON"):
        encode_outcome(CrewOutput(json_dict={"a": object()}))


def test_a_record_of_another_version_is_refused():
    record = json.dumps({**json.loads(encode_outcome(CrewOutput())), "version": 2}).encode()
    with pytest.raises(JournalError, match=r"'b\.sqlite' holds a record of version 2, this aiocrew reads version 1"):
        decode_outcome(record, index=0, inputs=None, attempts=1, journal="b.sqlite")


BROKEN = [b"", b"{", b"\xff", b"[]", b'{"version": 1}', b'{"version": 1, "duration_s": "x"}', b"1"]


@pytest.mark.parametrize("record", BROKEN)
def test_what_is_no_record_is_refused(record):
    with pytest.raises(JournalError, match=r"b\.sqlite"):
        decode_outcome(record, index=0, inputs=None, attempts=1, journal="b.sqlite")


INFINITE = (float("inf"), float("-inf"))  # Python's JSON has them, JSON has not


def test_a_content_has_one_key_in_whatever_order_it_stands():
    first, second = KeyMaker(), KeyMaker()
    assert first.key({"a": 1, "b": [{"c": 2, "d": 3}]}) == second.key({"b": [{"d": 3, "c": 2}], "a": 1})


@given(st.lists(st.dictionaries(text, plain.filter(lambda value: value not in INFINITE), max_size=2), max_size=8))
def test_each_input_of_a_batch_has_its_own_key_and_the_same_one_the_next_time(batch):
    first, second = KeyMaker(), KeyMaker()
    keys = [first.key(inputs) for inputs in batch]
    assert len(set(keys)) == len(batch)
    assert keys == [second.key(inputs) for inputs in batch]


def test_a_content_that_comes_again_is_numbered():
    keys = KeyMaker()
    once, twice, thrice = (keys.key({"topic": "a"}) for _ in range(3))
    assert (twice, thrice) == (f"{once}#2", f"{once}#3")


NO_JSON = [{"a": object()}, {"a": float("nan")}, {"a": {1: 1, "b": 2}}, {"a": {2}}]


@pytest.mark.parametrize("inputs", NO_JSON)
def test_a_content_that_is_not_json_needs_a_key(inputs):
    with pytest.raises(BlueprintError, match=r"give key=\.\.\."):
        KeyMaker().key(inputs)


def test_a_content_that_is_nested_too_deeply_needs_a_key():
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="deeply"):
        canonical_json(deep)


@pytest.mark.parametrize(
    ("given_key", "message"),
    [
        (lambda _: "x", r"returned 'x' .* and for an earlier input"),
        (lambda inputs: inputs["topic"] or 7, "must return a text"),
        (lambda inputs: {"a": "a"}[inputs["topic"]], r"raised KeyError .* ''"),
    ],
)
def test_a_key_of_the_users_own_must_be_a_text_and_its_own(given_key, message):
    keys = KeyMaker(given_key)
    assert keys.key({"topic": "a"})
    with pytest.raises(BlueprintError, match=message):
        keys.key({"topic": ""})
