"""One input that the provider refuses harms no other."""

from __future__ import annotations

import pytest

from aiocrew import BadRequestError, CrewOutput, FailedRun
from tests.server.crews import crew_for
from tests.server.loopback import LoopbackProvider

REASON = "this topic is not for this model"


async def test_a_refused_input_is_a_failed_run_between_two_outputs(provider: LoopbackProvider) -> None:
    provider.refuse = lambda task: (400, REASON) if "poison" in task else None
    topics = [{"topic": topic} for topic in ("apples", "poison", "pears")]
    first, second, third = outcomes = await crew_for("Describe {topic}").kickoff_for_each_async(topics)
    assert isinstance(first, CrewOutput)
    assert isinstance(second, FailedRun)
    assert isinstance(third, CrewOutput)
    assert (first.raw, third.raw) == ("re: Describe apples", "re: Describe pears")
    assert isinstance(second.error, BadRequestError)
    assert second.error.status == 400
    assert REASON in str(second.error)
    assert [outcome.inputs for outcome in outcomes] == topics
    assert [outcome.index for outcome in outcomes] == [0, 1, 2]
    with pytest.raises(BadRequestError, match=REASON):
        _ = second.raw
    assert sorted(provider.counts.asked) == ["Describe apples", "Describe pears", "Describe poison"]  # each asked once
