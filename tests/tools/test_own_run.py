"""A subclass's own method is what runs, whichever of the two its base has."""

from __future__ import annotations

import pydantic.v1
import pytest
from pydantic import BaseModel

from aiocrew.errors import BlueprintError
from aiocrew.tools.base import BaseTool
from aiocrew.tools.form import form_of
from aiocrew.tools.library.serper import SerperDevTool


class Both(BaseTool):
    name: str = "both"
    description: str = "Answers."

    def _run(self, query: str) -> str:
        return "the base's _run"

    async def _arun(self, query: str) -> str:
        return "the base's _arun"


class OwnRun(Both):
    def _run(self, query: str) -> str:
        return f"own, on {query}"


class OwnArun(Both):
    async def _arun(self, query: str) -> str:
        return f"own and async, on {query}"


@pytest.mark.parametrize(
    ("tool", "given"), [(Both(), "the base's _arun"), (OwnRun(), "own, on x"), (OwnArun(), "own and async, on x")]
)
async def test_the_nearest_method_counts(tool: BaseTool, given: str) -> None:
    assert await tool.arun(query="x") == given


def test_a_library_tool_whose_run_takes_anything_still_tells_the_model_its_arguments() -> None:
    class Searching(SerperDevTool):
        def _run(self, **kwargs):
            return str(kwargs)

    form = form_of(Searching())
    assert (form.method, [field for field, _ in form.parameters]) == ("_run", ["search_query"])


def test_a_schema_of_pydantics_first_version_is_refused_by_name() -> None:
    class Old(pydantic.v1.BaseModel):
        query: str

    class Tool(BaseTool):
        name: str = "old"
        description: str = "Answers."
        args_schema: type[BaseModel] | None = Old  # type: ignore[assignment]

        def _run(self, query: str) -> str:
            return query

    with pytest.raises(BlueprintError, match=r"tool 'old': its args_schema Old is no class of pydantic's version 2"):
        Tool()
