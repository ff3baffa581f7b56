"""Whether a run uses what another one gave."""

from __future__ import annotations

from typing import Any

import pytest

from aiocrew.seeing.dependence import RunTexts, uses
from aiocrew.seeing.timeline import CallSpan, RunSpan
from aiocrew.types.messages import Request, System, User
from aiocrew.types.paths import ROOT, Path


def run(prompt: str, output: str, inputs: Any = None) -> RunTexts:
    request = Request((System("You are an analyst."), User(prompt)))
    call = CallSpan("model", Path("run/task-0/turn-0/model"), "m", 0, 0, 1, request=request, said=output, ended=True)
    return RunTexts(RunSpan("r", "crew", ROOT, "", inputs, 0, 1, output, ok=True, ended=True, calls={call.path: call}))


EARLIER = run("Research bees", "Bees dance to tell each other where flowers are.\n- They keep their hive warm.")


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a poem about this: Bees dance to tell each other where flowers are.\n- They keep their hive warm.",
        "In short: THEY KEEP THEIR HIVE WARM.",
        "Explain why bees dance to tell others",
        'Facts: {"fact": "They keep their hive warm."}',
    ],
)
def test_a_run_uses_another_ones_output_whole_in_part_and_in_other_letters(prompt: str) -> None:
    assert uses(run(prompt, "done"), EARLIER)


@pytest.mark.parametrize("prompt", ["Research tides", "Research bees", "Where are flowers?"])
def test_a_run_that_holds_nothing_of_it_does_not(prompt: str) -> None:
    assert not uses(run(prompt, "done"), EARLIER)


def test_what_both_were_asked_is_nobodys_output() -> None:
    first = run("Research bees in three short points", "Research bees in three short points: one, two")
    assert not uses(run("Research bees in three short points", "x"), first)


@pytest.mark.parametrize(("output", "prompt"), [("42", "Is 42 prime?"), ('{"score": 0.87}', "The score was 0.87")])
def test_short_outputs_and_json_values_count_where_they_stand_as_words(output: str, prompt: str) -> None:
    assert uses(run(prompt, "x"), run("Measure it", output))
    assert not uses(run("Is 142 or 0.871 prime?", "x"), run("Measure it", output))


def test_inputs_count_as_prompts_do() -> None:
    assert uses(run("Write it up", "x", {"facts": ["They keep their hive warm."]}), EARLIER)
    assert not uses(run("Write it up", "x", {"facts": [object()]}), EARLIER)
