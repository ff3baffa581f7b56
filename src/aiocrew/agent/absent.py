"""What there is in place of CrewAI's fields that are not there yet."""

from __future__ import annotations

from typing import Final

__all__ = ["INSTEAD_OF_AGENT_FIELDS", "INSTEAD_OF_CREW_FIELDS", "INSTEAD_OF_TASK_FIELDS"]

_MEMORY: Final = "give what is to be remembered as kickoff(inputs=...), or a tool that looks it up"
_KNOWLEDGE: Final = "a tool that searches the source, such as TXTSearchTool, CSVSearchTool, WebsiteSearchTool"
_PLANNING: Final = "a first task that writes the plan"
_REASONING: Final = f"LLM(reasoning_effort=...), or {_PLANNING}"
_SERVER: Final = "an async @tool that calls the server"
_FILES: Final = "a tool that reads files and images"
_CODE: Final = "a @tool that calls a sandbox of yours"
_CONTEXT: Final = "a model with a longer context, or shorter inputs; ContextTooLongError tells where it is too short"
_RESUMING: Final = "kickoff_for_each([...], journal='batch.sqlite') goes on after a crash"
_FAILURES: Final = "nothing is needed: the model reads what a tool raised"
_SKILLS: Final = "put the text into an agent's backstory"
_PROMPTS: Final = "an agent's system_template and prompt_template"

INSTEAD_OF_AGENT_FIELDS: Final = {
    "a2a": _SERVER,
    "agent_knowledge_context": _KNOWLEDGE,
    "allow_code_execution": _CODE,
    "apps": _SERVER,
    "callbacks": "step_callback=...",
    "checkpoint": _RESUMING,
    "code_execution_mode": _CODE,
    "crew_knowledge_context": _KNOWLEDGE,
    "date_format": "a {date} in the texts, from the inputs",
    "embedder": _KNOWLEDGE,
    "i18n": _PROMPTS,
    "inject_date": "a {date} in the texts, from the inputs",
    "knowledge": _KNOWLEDGE,
    "knowledge_config": _KNOWLEDGE,
    "knowledge_search_query": _KNOWLEDGE,
    "knowledge_sources": _KNOWLEDGE,
    "knowledge_storage": _KNOWLEDGE,
    "max_reasoning_attempts": _REASONING,
    "max_tokens": "LLM(max_tokens=...)",
    "mcps": _SERVER,
    "memory": _MEMORY,
    "multimodal": _FILES,
    "planning": _REASONING,
    "planning_config": _REASONING,
    "reasoning": _REASONING,
    "respect_context_window": _CONTEXT,
    "skills": _SKILLS,
    "tool_failure_policy": _FAILURES,
    "use_better_compaction": _CONTEXT,
}

INSTEAD_OF_TASK_FIELDS: Final = {
    "input_files": _FILES,
    "i18n": _PROMPTS,
    "tool_failure_policy": _FAILURES,
}

INSTEAD_OF_CREW_FIELDS: Final = {
    "checkpoint": _RESUMING,
    "checkpoint_inputs": _RESUMING,
    "embedder": _KNOWLEDGE,
    "entity_memory": _MEMORY,
    "knowledge": _KNOWLEDGE,
    "knowledge_sources": _KNOWLEDGE,
    "long_term_memory": _MEMORY,
    "memory": _MEMORY,
    "output_log_file": "verbose=True, and a redirection of stderr",
    "planning": _PLANNING,
    "planning_llm": _PLANNING,
    "prompt_file": _PROMPTS,
    "short_term_memory": _MEMORY,
    "skills": _SKILLS,
    "tool_failure_policy": _FAILURES,
    "tracing": "verbose=True",
    "trained_agents_file": "say what should be better in the task's description, or check it by a guardrail",
}
