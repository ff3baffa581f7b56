"""What models refuse among a request's parameters, as a table: mapped or left out, with one warning each."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiocrew.types.blueprint import AiocrewWarning

__all__ = ["fit_parameters", "sent_as"]


def _always(parameters: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """For models of these providers whose name matches: what is renamed, and what is left out."""

    providers: frozenset[str]
    models: re.Pattern[str] = re.compile("")
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    refused: frozenset[str] = frozenset()
    why: str
    holds: Callable[[Mapping[str, Any]], bool] = _always


def _thinks(parameters: Mapping[str, Any]) -> bool:
    return parameters.get("reasoning_effort") != "none"


_SAMPLING = frozenset({"temperature", "top_p"})
_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})
_LOGS = frozenset({"logprobs", "top_logprobs"})
_OPENAI = frozenset({"openai", "azure", "openrouter"})
# o1, o3-mini, o4-mini-2025-04-16, gpt-5, gpt-5.1-codex, ft:o4-mini:org, but not gpt-5-chat-latest or gpt-50.
_REASONING = re.compile(r"^(?:openai/)?(?:ft:)?(?:o\d+|gpt-5(?:\.\d+)?(?!-chat))(?![\w.])", re.IGNORECASE)
_HARMLESS: Mapping[str, Any] = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
"""The values that these parameters have when they are not given: leaving those out changes nothing."""

_TABLE = (
    _Rule(
        providers=_OPENAI,
        models=_REASONING,
        renamed={"max_tokens": "max_completion_tokens"},
        refused=frozenset({"stop", "logit_bias"}) | _PENALTIES,
        why="a reasoning model refuses it",
    ),
    # The guide to GPT-5.2: temperature, top_p and logprobs are accepted with reasoning effort "none" and only then.
    _Rule(
        providers=_OPENAI,
        models=_REASONING,
        refused=_SAMPLING | _LOGS,
        why="a reasoning model refuses it",
        holds=_thinks,
    ),
    # 400 "'temperature' is deprecated for this model": the notes on Claude 4.7, "sampling parameters removed".
    _Rule(
        providers=frozenset({"anthropic", "openrouter"}),
        models=re.compile(r"^(?:anthropic/)?claude-opus-(?:4[-.][7-9]|[5-9])"),
        refused=_SAMPLING,
        why="this model refuses it",
    ),
    # 422 "extra_forbidden" for what is not in the schema of docs.mistral.ai/api; a seed is called random_seed there.
    _Rule(
        providers=frozenset({"mistral"}),
        renamed={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
        refused=_LOGS | {"logit_bias"},
        why="Mistral's API does not have it",
    ),
    # console.groq.com/docs/openai: 400 for these.
    _Rule(providers=frozenset({"groq"}), refused=_LOGS | {"logit_bias"}, why="Groq's API refuses it"),
    # docs.x.ai, reasoning models: penalties and stop are errors; grok-4 has no reasoning_effort.
    _Rule(
        providers=frozenset({"xai"}),
        models=re.compile(r"^grok-(?!.*non-reasoning)(?:3-mini|[4-9]|code-)"),
        refused=_PENALTIES | {"stop"},
        why="a reasoning model refuses it",
    ),
    _Rule(
        providers=frozenset({"xai"}),
        models=re.compile(r"^grok-4(?:$|-)"),
        refused=frozenset({"reasoning_effort"}),
        why="this model refuses it",
    ),
    # 400 "Unknown name": n4ze3m/page-assist#418, Vali-98/ChatterUI#227.
    _Rule(
        providers=frozenset({"gemini"}),
        refused=_PENALTIES | {"seed", "logit_bias"},
        why="Gemini's compatible endpoint refuses it",
    ),
    # api-docs.deepseek.com, reasoning model: logprobs and top_logprobs are errors.
    _Rule(
        providers=frozenset({"deepseek"}),
        models=re.compile("^deepseek-reasoner"),
        refused=_LOGS,
        why="a reasoning model refuses it",
    ),
    # They know max_tokens only, and a limit that is silently ignored costs money.
    _Rule(
        providers=frozenset({"deepseek", "ollama", "together"}),
        renamed={"max_completion_tokens": "max_tokens"},
        why="the provider calls it so",
    ),
)

_warned: set[tuple[str, str]] = set()


def fit_parameters(provider: str, model: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as this model takes them.

    The first time that something set for a model is renamed or left out in this process there is an AiocrewWarning.
    """
    fitting = dict(parameters)
    for rule in _TABLE:
        if provider not in rule.providers or not rule.models.search(model) or not rule.holds(parameters):
            continue
        for name, new_name in rule.renamed.items():
            if name in fitting:
                value = fitting.pop(name)
                fitting.setdefault(new_name, value)
                _warn_once(provider, model, name, f"is sent as {new_name}: {rule.why}")
        for name in rule.refused & fitting.keys():
            value = fitting.pop(name)
            if name not in _HARMLESS or value != _HARMLESS[name]:
                _warn_once(provider, model, name, f"is left out: {rule.why}")
    return fitting


def sent_as(provider: str, model: str, name: str) -> str:
    """Return what this model calls the parameter `name`, where it takes it at all."""
    for rule in _TABLE:
        if provider in rule.providers and rule.models.search(model):
            name = rule.renamed.get(name, name)
    return name


def _warn_once(provider: str, model: str, name: str, what: str) -> None:
    key = (f"{provider}/{model}", name)
    if key not in _warned:
        _warned.add(key)
        warnings.warn(f"{name}= of {key[0]} {what}", AiocrewWarning, stacklevel=2)
