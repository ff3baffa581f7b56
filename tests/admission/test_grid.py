"""Providers of many kinds, each with a batch that knows nothing of their limits. All of them: tests.admission.grid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.admission.grid import Cell, measure

CELLS = [
    # the provider and the batch, times the ideal, refusals
    (Cell(calls=40, in_flight=4, service_s=0.1, refused_after_s=0.001), 1.5, 15),
    (Cell(calls=400, in_flight=4, service_s=0.1, refused_after_s=0.001), 1.15, 25),
    (Cell(calls=400, in_flight=4, service_s=0.1, refused_after_s=0.02), 1.3, 30),
    (Cell(calls=200, callers=10, in_flight=4, service_s=0.1, refused_after_s=0.02), 1.3, 20),
    (Cell(calls=200, in_flight=16, service_s=0.5, refused_after_s=0.001), 1.15, 20),
    (Cell(calls=100, in_flight=2, service_s=3.0, refused_after_s=0.02), 1.1, 25),
    (Cell(calls=400, in_flight=4, service_s=0.1, refused_after_s=0.001, says="Retry-After"), 1.7, 20),
    (Cell(calls=400, in_flight=4, service_s=0.1, refused_after_s=0.001, says="retry-after-ms"), 1.25, 30),
    (Cell(calls=800, in_flight=4, service_s=0.1, refused_after_s=0.001, changes=0.5), 1.25, 40),
    (Cell(calls=800, in_flight=4, service_s=0.1, refused_after_s=0.001, changes=2.0), 1.35, 40),
    (Cell(calls=220, rate=20, burst=20, refused_after_s=0.001), 1.2, 20),
    (Cell(calls=220, rate=20, burst=20, refused_after_s=0.001, says="Retry-After"), 1.2, 10),
    (Cell(calls=220, rate=20, burst=20, refused_after_s=0.001, says="headers"), 1.2, 5),
    (Cell(calls=300, rate=20, burst=100, service_s=0.02, refused_after_s=0.001, says="retry-after-ms"), 1.2, 40),
    (Cell(calls=200, in_flight=4, rate=20, burst=20), 1.2, 40),
    (Cell(calls=220, tokens_a_second=10_000, says="headers"), 1.25, 45),
]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("cell", "times_the_ideal", "refused"), CELLS, ids=lambda value: getattr(value, "name", ""))
def test_a_batch_takes_about_as_long_as_its_provider_allows_and_is_seldom_refused(
    cell: Cell, times_the_ideal: float, refused: int, seed: int
) -> None:
    outcome = measure(replace(cell, seed=seed))
    assert outcome.failed == 0
    assert outcome.took_s <= times_the_ideal * cell.ideal_s
    assert outcome.refused <= refused


def test_when_refusals_take_20_ms_to_come_no_more_than_the_first_16_calls_are_sent_in_vain() -> None:
    outcome = measure(Cell(calls=300, callers=300, in_flight=4, service_s=0.1, refused_after_s=0.02))
    assert sum(at_s < 0.1 for at_s in outcome.refused_s) <= 12
