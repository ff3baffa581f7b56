from __future__ import annotations

from pathlib import Path

from aiocrew.crew.crew import Crew
from aiocrew.tools.library.file_read import FileReadTool
from aiocrew.tools.library.file_writer import FileWriterTool
from aiocrew.types.messages import Reply, ToolResult
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls

READ = calls(("read_a_file_s_content", {"file_path": "notes/a.md"}))


def write(content: str) -> Reply:
    arguments = {"filename": "a.md", "directory": "notes", "content": content, "overwrite": "true"}
    return calls(("file_writer_tool", arguments))


async def test_what_a_crew_reads_is_what_it_last_wrote(tmp_path: Path) -> None:
    model = ScriptedModel(READ, write("first"), READ, write("second"), READ, write("first"), READ, "Done")
    agent = agent_with(model, tools=[FileReadTool(root=tmp_path), FileWriterTool(root=tmp_path)])
    await Crew(agents=[agent], tasks=[task_for(agent, "Keep notes")]).kickoff_async()
    results = [message.text for message in model.requests[-1].messages if isinstance(message, ToolResult)]
    wrote = "Wrote {} characters into 'notes/a.md'."
    assert results[0].endswith("there is no file 'notes/a.md'")
    assert results[1:] == [wrote.format(5), "first", wrote.format(6), "second", wrote.format(5), "first"]
