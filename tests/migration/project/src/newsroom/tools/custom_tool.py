from pydantic import BaseModel, Field

from crewai.tools import BaseTool, tool


class ArchiveToolInput(BaseModel):
    """Input schema for ArchiveTool."""

    subject: str = Field(..., description="What to look for in the archive.")


class ArchiveTool(BaseTool):
    name: str = "Newsroom archive"
    description: str = "Finds what this newsroom has published before about a subject."
    args_schema: type[BaseModel] = ArchiveToolInput

    def _run(self, subject: str) -> str:
        return f"The archive has two articles for {subject!r}."


@tool("Count words")
def count_words(text: str) -> str:
    """Counts the words of a text, to keep articles within their limit."""
    return f"{len(text.split())} words"
