"""The outputs that runs make without validating them are what validating would give."""

from __future__ import annotations

import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.types.outputs import CrewOutput, TaskOutput
from aiocrew.types.usage import UsageMetrics

TEXTS = st.text(max_size=60)


def parts_of(output):
    return (
        output,
        list(vars(output)),
        output.model_fields_set,
        output.model_extra,
        output.__pydantic_private__,
        output.model_dump(),
        output.model_dump_json(),
        repr(output),
    )


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.none() | TEXTS)
def test_an_output_of_a_task_is_what_validating_it_would_give(raw, description, expected_output, agent, name):
    fields = {"description": description, "expected_output": expected_output, "agent": agent, "name": name}
    assert parts_of(TaskOutput.of_answer(raw, **fields)) == parts_of(TaskOutput(raw=raw, **fields))


@given(TEXTS, st.none() | st.dictionaries(TEXTS, st.integers()), st.none() | st.dictionaries(TEXTS, TEXTS))
def test_an_output_of_a_crew_is_what_validating_it_would_give(raw, json_dict, inputs):
    task = TaskOutput(description="d", agent="a", raw=raw, json_dict=json_dict)
    fields = {"token_usage": UsageMetrics(), "index": 3, "inputs": inputs, "duration_s": 0.5, "attempts": 2}
    made = CrewOutput.of_run(task, [task], **fields)
    validated = CrewOutput(raw=raw, json_dict=json_dict, tasks_output=[task], **fields)
    assert parts_of(made) == parts_of(validated)


def test_an_output_shares_no_list_and_no_dict_with_its_run():
    task = TaskOutput(description="d", agent="a", json_dict={"a": 1})
    tasks, inputs = [task], {"topic": "ants"}
    output = CrewOutput.of_run(
        task, tasks, token_usage=UsageMetrics(), index=0, inputs=inputs, duration_s=0.0, attempts=1
    )
    output.tasks_output.clear()
    output.inputs.clear()
    output.json_dict.clear()
    assert (tasks, inputs, task.json_dict) == ([task], {"topic": "ants"}, {"a": 1})


def test_a_made_output_is_changed_copied_and_pickled_as_any_other():
    output = TaskOutput.of_answer("raw", description="d", expected_output="e", agent="a")
    twin, deep, again = (
        output.model_copy(update={"raw": "new"}),
        copy.deepcopy(output),
        pickle.loads(pickle.dumps(output)),
    )
    output.name = "n"
    assert (twin.raw, deep, again) == ("new", again, deep)
    assert "name" in output.model_fields_set
    assert (
        TaskOutput.of_answer("", description="", expected_output="", agent="").model_fields_set
        == again.model_fields_set
    )
