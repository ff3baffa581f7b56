"""Measuring several ways of doing one thing in turn, so that a noisy machine is noisy to all of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

__all__ = ["Comparison", "Sample", "compare", "interleave", "quartiles"]


class Sample(msgspec.Struct, frozen=True):
    """What one side took in one round."""

    cpu_s: float
    """Of this process, all threads; the server is another process."""
    wall_s: float


class Comparison(msgspec.Struct, frozen=True):
    """Two sides over all rounds: medians, and the median of the rounds' ratios."""

    ours: float
    bare: float
    ratio: float
    spread: tuple[float, float]


def interleave(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[Sample]]:
    """Run every side once a round, each round beginning with another one; garbage is collected in between."""
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            sides[name]()
            samples[name].append(Sample(time.process_time() - cpu_s, time.perf_counter() - wall_s))
    return samples


def compare(ours: Sequence[float], bare: Sequence[float]) -> Comparison:
    """Return the medians of both and the median of their ratios round by round."""
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    return Comparison(
        ours=statistics.median(ours),
        bare=statistics.median(bare),
        ratio=statistics.median(ratios),
        spread=quartiles(ratios),
    )


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile; of a single value, it twice."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third
