"""Where CrewAI keeps what a crew or a flow with stream=True gives."""

from __future__ import annotations

from aiocrew.crew.streaming import CrewStreamingOutput, StreamChunk, StreamChunkType, ToolCallChunk
from aiocrew.flow.streaming import FlowStreamingOutput
from crewai._served import serve

__all__ = ["CrewStreamingOutput", "FlowStreamingOutput", "StreamChunk", "StreamChunkType", "ToolCallChunk"]

serve(__name__)
