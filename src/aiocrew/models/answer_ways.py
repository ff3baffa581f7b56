"""How each model is told the form of its answer on the wire, as a table. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from aiocrew.models.endpoint import Endpoint
from aiocrew.models.json_values import as_fields
from aiocrew.models.providers import PROVIDERS
from aiocrew.types.messages import AnswerSpec

__all__ = ["AnswerWay", "answer_way", "response_format_of"]

AnswerWay: TypeAlias = Literal["schema", "schema_at_last", "schema_alone", "tool", "lone_tool", "text"]
"""schema: by response_format, also beside tools.
schema_at_last: by response_format, but not while tools may be called; until then by a tool.
schema_alone: by response_format where no tools are offered, else by a tool.
tool: by a tool, which is forced by its name when the answer is due.
lone_tool: the same where no tool can be forced by its name: it is then the only one, and some tool is required.
text: by nothing on the wire; what it is told says so."""

_ANY = frozenset(PROVIDERS)
_THINKERS = frozenset({"deepseek", "anthropic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """For models of these providers whose name, without a vendor in front, begins so. The first that fits holds."""

    providers: frozenset[str]
    models: re.Pattern[str] = re.compile("")
    own_address: bool | None = None
    """Only at the provider's own address (False), or only at another one (True)."""
    thinking: bool | None = None
    """Only if the user has switched thinking on (True) or off (False)."""
    way: AnswerWay


def _names(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_OPENAI = frozenset({"openai", "azure"})
_TABLE = (
    # Neither a schema nor tools: the guide to reasoning models of 2024; web-infra-dev/midscene#259.
    _Rule(providers=_OPENAI | {"openrouter"}, models=_names(r"o1-(?:mini|preview)|chatgpt-4o-latest"), way="text"),
    # 422 or 400 for json_schema: dzhng/deep-research#22, BerriAI/litellm#31466. Thinking, which is the default of all
    # but deepseek-chat, refuses a forced tool, too: deepseek-ai/DeepSeek-V3#1376, pydantic/pydantic-ai#3644.
    _Rule(providers=frozenset({"deepseek"}), thinking=False, way="tool"),
    _Rule(providers=frozenset({"deepseek"}), thinking=True, way="text"),
    _Rule(providers=frozenset({"deepseek"}), models=_names("deepseek-(?:chat|coder)"), way="tool"),
    _Rule(providers=frozenset({"deepseek"}), way="text"),
    _Rule(
        providers=frozenset({"openrouter", "together"}), models=_names(r"deepseek-(?:r\d|reasoner|v[4-9])"), way="text"
    ),
    # docs.anthropic.com, OpenAI SDK compatibility: response_format is ignored. "Thinking may not be enabled when
    # tool_choice forces tool use": diegosouzapw/OmniRoute#4389; from Claude 5 on some think always.
    _Rule(providers=frozenset({"anthropic"}), thinking=True, way="text"),
    _Rule(
        providers=frozenset({"anthropic", "openrouter"}),
        models=_names(r"claude-(?:fable|mythos|(?:opus|sonnet|haiku)-[5-9])"),
        way="text",
    ),
    # What lies behind them decides; tools are what most of their models have.
    _Rule(providers=frozenset({"anthropic", "openrouter", "together"}), way="tool"),
    # The guide to structured outputs: gpt-4o-mini, gpt-4o-2024-08-06 and later.
    _Rule(providers=_OPENAI, models=_names(r"gpt-3|gpt-4(?![.\w])|gpt-4o-2024-05-13|davinci|babbage"), way="tool"),
    _Rule(providers=_OPENAI, models=_names(r"(?:gpt-4o|gpt-4\.[15]|gpt-[5-9]|o[1-9])(?![a-z\d])"), way="schema"),
    _Rule(providers=frozenset({"openai"}), own_address=False, way="schema"),
    # LM Studio and llama.cpp know tool_choice as a word only: lmstudio-ai/lmstudio-bug-tracker#670.
    _Rule(providers=frozenset({"openai"}), way="lone_tool"),
    _Rule(providers=frozenset({"azure"}), way="tool"),
    # console.groq.com/docs/structured-outputs: strict for these only. Beside tools 400 "json mode cannot be combined
    # with tool/function calling": vercel/ai#16540.
    _Rule(providers=frozenset({"groq"}), models=_names("gpt-oss"), way="schema_alone"),
    _Rule(providers=frozenset({"groq"}), way="tool"),
    # 400 "Function calling with a response mime type: 'application/json' is unsupported":
    # openai/openai-agents-python#656. Mistral: miquido/draive#39. xAI promises both for some models only.
    _Rule(providers=frozenset({"gemini", "mistral", "xai"}), way="schema_alone"),
    # A schema keeps the model from calling tools: ollama/ollama#8095, vllm-project/vllm#39929. tool_choice does
    # nothing there (ollama/ollama#17921), or not for every model (vllm-project/vllm#44216).
    _Rule(providers=frozenset({"ollama", "vllm"}), way="schema_at_last"),
    _Rule(providers=_ANY, way="tool"),
)

_VERSION = re.compile(r"[?&]api-version=(\d{4}-\d{2}-\d{2})")
_AZURE_SINCE = "2024-08-01"
"""learn.microsoft.com, structured outputs: the first API version that has them."""


def answer_way(endpoint: Endpoint) -> AnswerWay:
    """Return how the model at `endpoint` is told the form of an answer."""
    provider = endpoint.provider
    if provider == "azure" and (version := _VERSION.search(endpoint.url)) and version[1] < _AZURE_SINCE:
        return "tool"
    own_address = provider == "openai" and not endpoint.url.startswith(PROVIDERS[provider].base_url)
    thinking = as_fields(endpoint.parameters.get("thinking")).get("type") if provider in _THINKERS else None
    return _way(provider, endpoint.model, own_address, None if thinking is None else thinking != "disabled")


def response_format_of(form: AnswerSpec) -> dict[str, Any]:
    """Return the response_format that asks for this form: strict, where it can be said strictly."""
    strict = form.strict_schema
    told: dict[str, Any] = {"name": form.name}
    if form.description:
        told["description"] = form.description
    told |= {"schema": form.schema if strict is None else strict, "strict": strict is not None}
    return {"type": "json_schema", "json_schema": told}


@lru_cache(maxsize=1024)
def _way(provider: str, model: str, own_address: bool, thinking: bool | None) -> AnswerWay:
    name = model.rpartition("/")[2].removeprefix("ft:")
    for rule in _TABLE:
        if (
            provider in rule.providers
            and rule.models.match(name)
            and rule.own_address in (None, own_address)
            and rule.thinking in (None, thinking)
        ):
            return rule.way
    return "tool"
