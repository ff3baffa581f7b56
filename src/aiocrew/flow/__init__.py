"""Flows: methods that start one another by events, each run with a state of its own."""

from __future__ import annotations

from aiocrew.flow.conditions import and_, or_
from aiocrew.flow.decorators import human_feedback, listen, persist, router, start
from aiocrew.flow.flow import Flow
from aiocrew.flow.state import FlowState

__all__ = ["Flow", "FlowState", "and_", "human_feedback", "listen", "or_", "persist", "router", "start"]
