"""The stream of a flow: chunks of text, as CrewAI gives them."""

from __future__ import annotations

from typing import Any

from aiocrew.agent.streaming_output import StreamingOutput

__all__ = ["FlowStreamingOutput"]


class FlowStreamingOutput(StreamingOutput[Any]):
    """What `kickoff` of a Flow(stream=True), and `flow.astream`, give: the chunks of all that the flow starts."""
