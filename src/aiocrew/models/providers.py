"""The providers that speak the chat-completions wire, as a table, and how "provider/model" names one of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aiocrew.errors import BlueprintError

__all__ = ["OFFLINE", "PROVIDERS", "ModelName", "Provider", "parse_model", "provider_named"]

OFFLINE = "offline"
"""The prefix of the embedded model, which is no provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where a provider is and what is particular about its wire. Variables are tried in their order."""

    name: str
    base_url: str = ""
    """Empty where only the environment or base_url= can give it."""
    key_variables: tuple[str, ...] = ()
    base_url_variables: tuple[str, ...] = ()
    needs_key: bool = True
    auth: Literal["bearer", "api-key"] = "bearer"
    style: Literal["plain", "azure", "ollama"] = "plain"
    """How the URL of a request is made of the base URL."""
    stream_usage: bool = True
    """It takes stream_options={"include_usage": true}; the others send usage in the last chunk unasked."""
    not_sent_back: frozenset[str] = field(default_factory=frozenset[str])
    """Fields of its own replies that it refuses in a transcript."""


_TABLE = (
    Provider(
        name="openai",
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        base_url_variables=("OPENAI_API_BASE", "OPENAI_BASE_URL"),  # in CrewAI's order
    ),
    Provider(
        name="azure",
        key_variables=("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
        base_url_variables=("AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"),
        auth="api-key",
        style="azure",
    ),
    Provider(
        name="ollama",
        base_url="http://localhost:11434",
        key_variables=("OLLAMA_API_KEY",),
        base_url_variables=("OLLAMA_API_BASE", "OLLAMA_HOST"),
        needs_key=False,
        style="ollama",
    ),
    Provider(
        name="groq",
        base_url="https://api.groq.com/openai/v1",
        key_variables=("GROQ_API_KEY",),
        base_url_variables=("GROQ_API_BASE",),
        # 400 "property 'reasoning' is unsupported": karthink/gptel#774, janhq/jan#8136.
        not_sent_back=frozenset({"reasoning", "reasoning_content", "executed_tools"}),
    ),
    Provider(
        name="mistral",
        base_url="https://api.mistral.ai/v1",
        key_variables=("MISTRAL_API_KEY",),
        base_url_variables=("MISTRAL_API_BASE",),
        # 422 "extra_forbidden" for stream_options.include_usage: BerriAI/litellm#8978.
        stream_usage=False,
    ),
    Provider(
        name="deepseek",
        base_url="https://api.deepseek.com/v1",
        key_variables=("DEEPSEEK_API_KEY",),
        base_url_variables=("DEEPSEEK_API_BASE",),
    ),
    Provider(
        name="together",
        base_url="https://api.together.xyz/v1",
        key_variables=("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
    ),
    Provider(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        key_variables=("OPENROUTER_API_KEY",),
        base_url_variables=("OPENROUTER_API_BASE",),
    ),
    Provider(
        name="xai", base_url="https://api.x.ai/v1", key_variables=("XAI_API_KEY",), base_url_variables=("XAI_API_BASE",)
    ),
    Provider(
        name="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
    Provider(name="anthropic", base_url="https://api.anthropic.com/v1", key_variables=("ANTHROPIC_API_KEY",)),
    Provider(
        name="vllm",
        base_url="http://localhost:8000/v1",
        key_variables=("HOSTED_VLLM_API_KEY",),
        base_url_variables=("HOSTED_VLLM_API_BASE",),
        needs_key=False,
    ),
)

PROVIDERS = {provider.name: provider for provider in _TABLE}

# 8b, 8x7b-instruct, 120b-cloud, e4b, latest: the tags of local models.
_TAG = re.compile(r"(?:e?\d[\dx.]*[bm]|latest)(?:-|$)", re.IGNORECASE)

_BY_BEGINNING = (("claude-", "anthropic"), ("gemini-", "gemini"))
"""Models that are known by their names alone, as CrewAI's users write them."""

_ALIASES = {"together_ai": "together", "hosted_vllm": "vllm"}


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model string taken apart."""

    prefix: str
    """The name of a provider, or "offline"."""
    model: str


def provider_named(prefix: str) -> Provider | None:
    """Return the provider of a prefix, or None."""
    return PROVIDERS.get(_ALIASES.get(prefix.lower(), prefix.lower()))


def parse_model(text: str, *, at_base_url: Callable[[], bool] = lambda: False) -> ModelName:
    """Take "provider/model" or "provider:model" apart; a bare name is a model of OpenAI, "claude-..." of Anthropic,
    "gemini-..." of Google.

    Where `at_base_url` says so, any other string is the model's whole name at that address.
    Raises BlueprintError for a prefix that nobody knows, or when no model is named.
    """
    text = text.strip()
    cut = min((at for at in (text.find("/"), text.find(":")) if at >= 0), default=-1)
    prefix, model = (text[:cut], text[cut + 1 :].strip()) if cut >= 0 else ("", text)
    provider = provider_named(prefix)
    if provider is not None or prefix.lower() == OFFLINE:
        if not model:
            raise BlueprintError(f"model={text!r} names a provider and no model; write {text}<model>")
        return ModelName(provider.name if provider is not None else OFFLINE, model)
    if not text:
        raise BlueprintError("model='' names no model")
    # ft:gpt-4o:org is a fine-tuned model of OpenAI's.
    if prefix == "ft" or at_base_url():
        return ModelName("openai", text)
    if not prefix:
        names = (name for beginning, name in _BY_BEGINNING if text.startswith(beginning))
        return ModelName(next(names, "openai"), text)
    raise BlueprintError(_unknown_prefix(text, prefix))


def _unknown_prefix(text: str, prefix: str) -> str:
    known = sorted({OFFLINE, *PROVIDERS, *_ALIASES})
    meant = _meant(text, prefix, known)
    guess = f"Did you mean {meant!r}? " if meant else ""
    return (
        f"model={text!r}: no provider is known as {prefix!r}. {guess}Known are {', '.join(known)}. Any other "
        f"server that speaks OpenAI's chat-completions API needs its address: LLM(model={text!r}, base_url=...). "
        f"A model of OpenAI's is openai/{text}, a local one with a tag is ollama/<name>:<tag>."
    )


def _meant(text: str, prefix: str, known: list[str]) -> str:
    rest = text[len(prefix) :]
    # No provider's name has a digit.
    if rest.startswith(":") and (_TAG.match(rest[1:]) or any(c.isdigit() for c in prefix)):
        return f"ollama/{text}"
    near = difflib.get_close_matches(prefix.lower(), known, n=1, cutoff=0.7)
    return near[0] + rest if near else ""
