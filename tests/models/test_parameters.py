"""What is mapped and what is left out for models that refuse it, and that it is said once."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from aiocrew.models import parameters as module
from aiocrew.models.parameters import fit_parameters
from aiocrew.types.blueprint import AiocrewWarning


@pytest.fixture(autouse=True)
def _nothing_said_yet() -> None:
    module._warned.clear()


def fitted(provider: str, model: str, **given: Any) -> tuple[dict[str, Any], list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitting = fit_parameters(provider, model, given)
    assert all(issubclass(warning.category, AiocrewWarning) for warning in caught)
    return fitting, sorted(str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "o1"),
        ("openai", "o3-mini"),
        ("openai", "o4-mini-2025-04-16"),
        ("openai", "gpt-5"),
        ("openai", "gpt-5-nano"),
        ("openai", "gpt-5.2-codex"),
        ("openai", "ft:o4-mini:org"),
        ("azure", "gpt-5-eu"),
        ("openrouter", "openai/o3"),
    ],
)
def test_reasoning_models(provider: str, model: str) -> None:
    fitting, said = fitted(provider, model, max_tokens=9, temperature=0.2, stop=["x"], seed=1, presence_penalty=1)
    assert fitting == {"max_completion_tokens": 9, "seed": 1}
    assert [line.split("=")[0] for line in said] == ["max_tokens", "presence_penalty", "stop", "temperature"]
    assert all(f"{provider}/{model}" in line for line in said)
    assert fitted(provider, model, max_tokens=9, temperature=0.2) == ({"max_completion_tokens": 9}, [])


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"),
        ("openai", "gpt-5-chat-latest"),
        ("openai", "gpt-50"),
        ("vllm", "o1-like"),
        ("openai", "omni"),
    ],
)
def test_other_models_get_what_was_given(provider: str, model: str) -> None:
    given = {"max_tokens": 9, "temperature": 0.2, "stop": "x"}
    assert fitted(provider, model, **given) == (given, [])


def test_values_that_change_nothing_are_left_out_silently() -> None:
    assert fitted("openai", "o3", temperature=1, top_p=1.0, frequency_penalty=0) == ({}, [])


def test_without_reasoning_a_reasoning_model_takes_a_temperature() -> None:
    given = {"temperature": 0.2, "reasoning_effort": "none"}
    assert fitted("openai", "gpt-5.2", **given) == (given, [])


def test_an_explicit_limit_wins_over_a_renamed_one() -> None:
    fitting, _ = fitted("openai", "o3", max_tokens=1, max_completion_tokens=2)
    assert fitting == {"max_completion_tokens": 2}


@pytest.mark.parametrize(
    ("provider", "model", "given", "sent"),
    [
        ("mistral", "mistral-large", {"max_completion_tokens": 5, "seed": 3}, {"max_tokens": 5, "random_seed": 3}),
        ("ollama", "llama3.2", {"max_completion_tokens": 5}, {"max_tokens": 5}),
        ("groq", "llama", {"logprobs": True, "temperature": 0.1}, {"temperature": 0.1}),
        ("gemini", "gemini-2.5-flash", {"seed": 1, "frequency_penalty": 1, "stop": "x"}, {"stop": "x"}),
        ("anthropic", "claude-opus-4-7", {"temperature": 0.1, "max_tokens": 5}, {"max_tokens": 5}),
        ("anthropic", "claude-opus-4-6", {"temperature": 0.1}, {"temperature": 0.1}),
        ("xai", "grok-4", {"stop": "x", "reasoning_effort": "low"}, {}),
        ("xai", "grok-4-fast-non-reasoning", {"stop": "x"}, {"stop": "x"}),
        ("deepseek", "deepseek-reasoner", {"logprobs": True}, {}),
    ],
)
def test_other_documented_refusals(provider: str, model: str, given: dict[str, Any], sent: dict[str, Any]) -> None:
    fitting, said = fitted(provider, model, **given)
    assert fitting == sent
    assert len(said) == len(given.items() - sent.items())
