"""The metrics of the conventions, with their units and the buckets that they recommend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.metrics import Histogram, Meter

from aiocrew.seeing.otel.called import CalledModel
from aiocrew.seeing.otel.failures import Failure
from aiocrew.seeing.otel.names import GenAI
from aiocrew.seeing.otel.open_spans import OpenAgent, OpenCall, OpenSpan
from aiocrew.types.usage import Usage

__all__ = ["Instruments"]

_CALL_S: Final = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
_AGENT_S: Final = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6]
_WORKFLOW_S: Final = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0]
_TOKENS: Final = [float(4**power) for power in range(14)]
_CALLS: Final = [float(2**power) for power in range(8)]


class Instruments:
    """Where durations, tokens and counts are recorded, each under the span that it belongs to."""

    def __init__(self, meter: Meter) -> None:
        def histogram(name: str, unit: str, buckets: list[float], description: str) -> Histogram:
            return meter.create_histogram(
                name, unit=unit, description=description, explicit_bucket_boundaries_advisory=buckets
            )

        self._call = histogram("gen_ai.client.operation.duration", "s", _CALL_S, "How long a model call took.")
        self._tokens = histogram("gen_ai.client.token.usage", "{token}", _TOKENS, "Tokens that a model call used.")
        self._first = histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", _CALL_S, "From sending to the first piece of a reply."
        )
        self._next = histogram(
            "gen_ai.client.operation.time_per_output_chunk", "s", _CALL_S, "From one piece of a reply to the next."
        )
        self._workflow = histogram(
            "gen_ai.workflow.duration", "s", _WORKFLOW_S, "How long a run of a crew or a flow took."
        )
        self._agent = histogram("gen_ai.invoke_agent.duration", "s", _AGENT_S, "How long an agent worked on something.")
        self._model_calls = histogram(
            "gen_ai.invoke_agent.inference_calls", "{inference_call}", _CALLS, "Model calls of an agent at one thing."
        )
        self._tool_calls = histogram(
            "gen_ai.invoke_agent.tool_calls", "{tool_call}", _CALLS, "Tool calls of an agent at one thing."
        )
        self._tool = histogram("gen_ai.execute_tool.duration", "s", _CALL_S, "How long a tool ran.")

    def workflow(self, opened: OpenSpan, seconds: float, failure: Failure | None) -> None:
        self._workflow.record(seconds, _with({GenAI.WORKFLOW: opened.name}, failure), opened.context)

    def agent(self, opened: OpenAgent, seconds: float, failure: Failure | None) -> None:
        who = {GenAI.AGENT: opened.name}
        model = {} if opened.model is None else {GenAI.REQUEST_MODEL: opened.model.model}
        self._agent.record(seconds, _with(who | model, failure), opened.context)
        self._model_calls.record(opened.model_calls, who, opened.context)
        self._tool_calls.record(opened.tool_calls, who, opened.context)

    def tool(self, opened: OpenSpan, agent: str, seconds: float, failure: Failure | None) -> None:
        what = {GenAI.TOOL: opened.name, GenAI.TOOL_TYPE: "function", GenAI.AGENT: agent}
        self._tool.record(seconds, _with(what, failure), opened.context)

    def call(self, opened: OpenCall, seconds: float, failure: Failure | None, response_model: str = "") -> None:
        self._call.record(seconds, _with(_of_call(opened.model, response_model), failure), opened.context)

    def first_chunk(self, opened: OpenCall, seconds: float, response_model: str = "") -> None:
        self._first.record(seconds, _of_call(opened.model, response_model), opened.context)

    def next_chunk(self, opened: OpenCall, seconds: float) -> None:
        self._next.record(seconds, opened.model.metric, opened.context)

    def tokens(self, opened: OpenCall, usage: Usage, response_model: str) -> None:
        if not usage.prompt_tokens and not usage.completion_tokens:
            return  # the provider did not say
        what = _of_call(opened.model, response_model)
        self._tokens.record(usage.prompt_tokens, {**what, GenAI.TOKEN_TYPE: "input"}, opened.context)
        self._tokens.record(usage.completion_tokens, {**what, GenAI.TOKEN_TYPE: "output"}, opened.context)


def _of_call(called: CalledModel, response_model: str) -> Mapping[str, str | int]:
    return {**called.metric, GenAI.RESPONSE_MODEL: response_model} if response_model else called.metric


def _with(attributes: Mapping[str, str | int], failure: Failure | None) -> Mapping[str, str | int]:
    return attributes if failure is None else {**attributes, GenAI.ERROR_TYPE: failure.type}
