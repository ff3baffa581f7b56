from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.errors import NotBuiltError
from aiocrew.tools.library.csv_search import CSVSearchTool, rows_in_words
from aiocrew.tools.library.file_search import FileSearchTool
from aiocrew.tools.library.txt_search import TXTSearchTool
from aiocrew.tools.toolbox import make_toolbox

TEXT = "The moon is far away.\n\n" + "Filler without end. " * 60 + "\n\nThe oak hides a treasure."
TABLE = 'name,city,"note"\nAnn,Oslo,"likes, tea"\nBob,Rome,\nCid,Oslo,"two\nlines",extra\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    (here / "a.txt").write_text(TEXT)
    (here / "a.csv").write_text(TABLE)
    (tmp_path / "beside.csv").write_text("a\nsecret\n")
    monkeypatch.chdir(here)
    return here


def arguments(tool: FileSearchTool) -> list[str]:
    (spec,) = make_toolbox([tool]).specs
    schema = json.loads(bytes(spec.parameters))
    assert schema["required"] == list(schema["properties"])
    assert "description" not in schema
    return schema["required"]


async def test_a_text_gives_the_passages_that_fit() -> None:
    for tool in (TXTSearchTool("a.txt"), TXTSearchTool(txt="a.txt")):
        found = tool.run(search_query="where is the treasure?")
        assert found.startswith("Found in 'a.txt' for 'where is the treasure?', the best first:\n\nPassage ")
        assert "The oak hides a treasure." in found
        assert "moon" not in found
        assert arguments(tool) == ["search_query"]
        assert "a.txt" in tool.description
    assert "The moon is far" in await TXTSearchTool().arun(search_query="moon", txt="a.txt")
    assert arguments(TXTSearchTool()) == ["search_query", "txt"]


def test_a_table_gives_whole_rows_with_the_names_of_the_columns() -> None:
    assert CSVSearchTool(csv="a.csv", limit=1).run(search_query="who lives in Rome?") == (
        "Found in 'a.csv' for 'who lives in Rome?', the best first:\n\nRow 3:\nname: Bob\ncity: Rome"
    )
    found = CSVSearchTool().run("oslo", "a.csv")
    assert "Row 2:\nname: Ann\ncity: Oslo\nnote: likes, tea" in found
    assert "Row 4:\nname: Cid\ncity: Oslo\nnote: two\nlines\ncolumn 4: extra" in found
    assert arguments(CSVSearchTool()) == ["search_query", "csv"]
    assert arguments(CSVSearchTool("a.csv")) == ["search_query"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_values_may_be_parted_in_several_ways(delimiter: str) -> None:
    text = f"name{delimiter}age\r\nAnn{delimiter}3\r\n"
    assert list(rows_in_words(text, "x")) == [("Row 2", "name: Ann\nage: 3")]


def test_nothing_found_is_said() -> None:
    assert CSVSearchTool("a.csv").run("zebra") == "Nothing in 'a.csv' holds a word of 'zebra'."
    Path("empty.csv").write_text("")
    assert CSVSearchTool("empty.csv").run("zebra").startswith("Nothing in")


def test_a_long_file_is_searched_from_its_start_and_the_result_says_so() -> None:
    tool = CSVSearchTool("a.csv", max_characters=70)
    assert tool.run("oslo").endswith("\n\n[Only the first 70 characters of the file were searched.]")
    assert "Cid" not in tool.run("oslo")


def test_the_guard_holds_for_what_the_model_names() -> None:
    with pytest.raises(PermissionError, match="leads out"):
        CSVSearchTool().run(search_query="secret", csv="../beside.csv")
    assert "secret" in CSVSearchTool("../beside.csv").run(search_query="secret")
    with pytest.raises(FileNotFoundError, match="there is no file 'none'"):
        TXTSearchTool().run(search_query="x", txt="none")
    with pytest.raises(ValueError, match="say which file"):
        TXTSearchTool().run(search_query="x", txt="")


def test_a_table_that_cannot_be_read_is_said() -> None:
    Path("broken.csv").write_text('a,b\n1,"' + "x" * 200_000)
    earlier = csv.field_size_limit(131_072)  # the standard library's own: it is one for the process
    try:
        with pytest.raises(ValueError, match=r"'broken\.csv' cannot be read as CSV: .* in line 2"):
            CSVSearchTool("broken.csv").run("x")
    finally:
        csv.field_size_limit(earlier)


def test_a_row_takes_as_long_as_it_is_whatever_the_first_line_names() -> None:
    # One step for each column in each row would be minutes, and the test's time limit would end it.
    rows = list(rows_in_words("," * 50_000 + "\n" + "x\n" * 50_000, "x"))
    assert (len(rows), rows[-1]) == (50_000, ("Row 50001", "column 1: x"))


def test_a_name_without_end_stands_in_no_row() -> None:
    (row,) = rows_in_words("n" * 1_000 + "\nx\n", "x")
    assert row == ("Row 2", "n" * 97 + "...: x")


def test_a_query_without_end_is_not_repeated() -> None:
    assert len(TXTSearchTool("a.txt").run("zebra " * 10_000)) < 300


@pytest.mark.parametrize("asked", [{"config": {"llm": {}}}, {"adapter": object()}, {"summarize": True}])
def test_what_needs_embeddings_is_refused(asked: dict[str, Any]) -> None:
    for kind in (CSVSearchTool, TXTSearchTool):
        with pytest.raises(NotBuiltError, match=next(iter(asked))):
            kind(**asked)
        kind(config=None, summarize=False)


@given(st.text(max_size=80))
def test_any_text_can_be_read_as_a_table(text: str) -> None:
    for source, row in rows_in_words(text, "x"):
        assert source
        assert row


def test_sqlite_is_loaded_when_something_is_searched() -> None:
    program = (
        "import sys\n"
        "from aiocrew.tools.library.csv_search import CSVSearchTool\n"
        "from aiocrew.tools.library.txt_search import TXTSearchTool\n"
        "TXTSearchTool()\n"
        "print('sqlite3' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
