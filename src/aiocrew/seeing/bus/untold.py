"""The classes of CrewAI's events that no run tells, because what they are about does not happen here.

They are there so that programs which import them load. A program may emit them itself: they keep whatever they are
given.
"""

from __future__ import annotations

from aiocrew.seeing.bus.base_event import BaseEvent
from aiocrew.seeing.bus.told import FlowEvent, ToolUsageEvent

__all__ = [
    "AgentEvaluationCompletedEvent",
    "AgentEvaluationFailedEvent",
    "AgentEvaluationStartedEvent",
    "AgentLogsExecutionEvent",
    "AgentLogsStartedEvent",
    "AgentReasoningCompletedEvent",
    "AgentReasoningFailedEvent",
    "AgentReasoningStartedEvent",
    "CheckpointBaseEvent",
    "CheckpointCompletedEvent",
    "CheckpointFailedEvent",
    "CheckpointForkBaseEvent",
    "CheckpointForkCompletedEvent",
    "CheckpointForkStartedEvent",
    "CheckpointPrunedEvent",
    "CheckpointRestoreBaseEvent",
    "CheckpointRestoreCompletedEvent",
    "CheckpointRestoreFailedEvent",
    "CheckpointRestoreStartedEvent",
    "CheckpointStartedEvent",
    "ContextWindowSummarizationCompletedEvent",
    "ContextWindowSummarizationFailedEvent",
    "ContextWindowSummarizationStartedEvent",
    "ConversationMessageAddedEvent",
    "ConversationRouteSelectedEvent",
    "ConversationTurnCompletedEvent",
    "ConversationTurnFailedEvent",
    "ConversationTurnStartedEvent",
    "CrewTestCompletedEvent",
    "CrewTestFailedEvent",
    "CrewTestResultEvent",
    "CrewTestStartedEvent",
    "CrewTrainCompletedEvent",
    "CrewTrainFailedEvent",
    "CrewTrainStartedEvent",
    "FlowCreatedEvent",
    "FlowPlotEvent",
    "KnowledgeQueryCompletedEvent",
    "KnowledgeQueryFailedEvent",
    "KnowledgeQueryStartedEvent",
    "KnowledgeRetrievalCompletedEvent",
    "KnowledgeRetrievalStartedEvent",
    "KnowledgeSearchQueryFailedEvent",
    "LLMThinkingChunkEvent",
    "MCPConfigFetchFailedEvent",
    "MCPConnectionCompletedEvent",
    "MCPConnectionFailedEvent",
    "MCPConnectionStartedEvent",
    "MCPToolExecutionCompletedEvent",
    "MCPToolExecutionFailedEvent",
    "MCPToolExecutionStartedEvent",
    "MemoryQueryCompletedEvent",
    "MemoryQueryFailedEvent",
    "MemoryQueryStartedEvent",
    "MemoryRetrievalCompletedEvent",
    "MemoryRetrievalFailedEvent",
    "MemoryRetrievalStartedEvent",
    "MemorySaveCompletedEvent",
    "MemorySaveFailedEvent",
    "MemorySaveStartedEvent",
    "PlanStepCompletedEvent",
    "PlanStepEvent",
    "PlanStepStartedEvent",
    "ReasoningEvent",
    "SkillActivatedEvent",
    "SkillDiscoveryCompletedEvent",
    "SkillDiscoveryStartedEvent",
    "SkillEvent",
    "SkillLoadFailedEvent",
    "SkillLoadedEvent",
    "SkillUsedEvent",
    "TaskEvaluationEvent",
    "ToolExecutionErrorEvent",
    "ToolFailureDetectedEvent",
    "ToolSelectionErrorEvent",
    "ToolValidateInputErrorEvent",
]


# Evaluation of agents


class AgentEvaluationCompletedEvent(BaseEvent): ...


class AgentEvaluationFailedEvent(BaseEvent): ...


class AgentEvaluationStartedEvent(BaseEvent): ...


# What CrewAI prints of an agent: here verbose=True does


class AgentLogsExecutionEvent(BaseEvent): ...


class AgentLogsStartedEvent(BaseEvent): ...


# Plans that an agent makes before it works


class ReasoningEvent(BaseEvent): ...


class AgentReasoningCompletedEvent(ReasoningEvent): ...


class AgentReasoningFailedEvent(ReasoningEvent): ...


class AgentReasoningStartedEvent(ReasoningEvent): ...


# Checkpoints: here a batch has a journal


class CheckpointBaseEvent(BaseEvent): ...


class CheckpointForkBaseEvent(BaseEvent): ...


class CheckpointRestoreBaseEvent(BaseEvent): ...


class CheckpointCompletedEvent(CheckpointBaseEvent): ...


class CheckpointFailedEvent(CheckpointBaseEvent): ...


class CheckpointForkCompletedEvent(CheckpointForkBaseEvent): ...


class CheckpointForkStartedEvent(CheckpointForkBaseEvent): ...


class CheckpointPrunedEvent(CheckpointBaseEvent): ...


class CheckpointRestoreCompletedEvent(CheckpointRestoreBaseEvent): ...


class CheckpointRestoreFailedEvent(CheckpointRestoreBaseEvent): ...


class CheckpointRestoreStartedEvent(CheckpointRestoreBaseEvent): ...


class CheckpointStartedEvent(CheckpointBaseEvent): ...


# Memory


class MemoryQueryCompletedEvent(BaseEvent): ...


class MemoryQueryFailedEvent(BaseEvent): ...


class MemoryQueryStartedEvent(BaseEvent): ...


class MemoryRetrievalCompletedEvent(BaseEvent): ...


class MemoryRetrievalFailedEvent(BaseEvent): ...


class MemoryRetrievalStartedEvent(BaseEvent): ...


class MemorySaveCompletedEvent(BaseEvent): ...


class MemorySaveFailedEvent(BaseEvent): ...


class MemorySaveStartedEvent(BaseEvent): ...


# Conversations that became too long, and the thoughts of a model


class ContextWindowSummarizationCompletedEvent(BaseEvent): ...


class ContextWindowSummarizationFailedEvent(BaseEvent): ...


class ContextWindowSummarizationStartedEvent(BaseEvent): ...


class LLMThinkingChunkEvent(BaseEvent): ...


# Flows that are conversations; drawings of flows


class ConversationMessageAddedEvent(FlowEvent): ...


class ConversationRouteSelectedEvent(FlowEvent): ...


class ConversationTurnCompletedEvent(FlowEvent): ...


class ConversationTurnFailedEvent(FlowEvent): ...


class ConversationTurnStartedEvent(FlowEvent): ...


class FlowCreatedEvent(FlowEvent): ...


class FlowPlotEvent(FlowEvent): ...


# Training and testing of crews


class CrewTestCompletedEvent(BaseEvent): ...


class CrewTestFailedEvent(BaseEvent): ...


class CrewTestResultEvent(BaseEvent): ...


class CrewTestStartedEvent(BaseEvent): ...


class CrewTrainCompletedEvent(BaseEvent): ...


class CrewTrainFailedEvent(BaseEvent): ...


class CrewTrainStartedEvent(BaseEvent): ...


# Knowledge


class KnowledgeQueryCompletedEvent(BaseEvent): ...


class KnowledgeQueryFailedEvent(BaseEvent): ...


class KnowledgeQueryStartedEvent(BaseEvent): ...


class KnowledgeRetrievalCompletedEvent(BaseEvent): ...


class KnowledgeRetrievalStartedEvent(BaseEvent): ...


class KnowledgeSearchQueryFailedEvent(BaseEvent): ...


# Servers of tools


class MCPConfigFetchFailedEvent(BaseEvent): ...


class MCPConnectionCompletedEvent(BaseEvent): ...


class MCPConnectionFailedEvent(BaseEvent): ...


class MCPConnectionStartedEvent(BaseEvent): ...


class MCPToolExecutionCompletedEvent(BaseEvent): ...


class MCPToolExecutionFailedEvent(BaseEvent): ...


class MCPToolExecutionStartedEvent(BaseEvent): ...


# Steps of a plan


class PlanStepEvent(BaseEvent): ...


class PlanStepCompletedEvent(PlanStepEvent): ...


class PlanStepStartedEvent(PlanStepEvent): ...


# Skills


class SkillEvent(BaseEvent): ...


class SkillActivatedEvent(SkillEvent): ...


class SkillDiscoveryCompletedEvent(SkillEvent): ...


class SkillDiscoveryStartedEvent(SkillEvent): ...


class SkillLoadFailedEvent(SkillEvent): ...


class SkillLoadedEvent(SkillEvent): ...


class SkillUsedEvent(SkillEvent): ...


# Evaluation of tasks


class TaskEvaluationEvent(BaseEvent): ...


# Finer kinds of a failed tool call: here all are ToolUsageErrorEvent


class ToolExecutionErrorEvent(ToolUsageEvent): ...


class ToolFailureDetectedEvent(ToolUsageEvent): ...


class ToolSelectionErrorEvent(ToolUsageEvent): ...


class ToolValidateInputErrorEvent(ToolUsageEvent): ...
