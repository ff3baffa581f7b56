"""`aiocrew run`: what goes in, what comes out, and how it ends."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew import CrewOutput, FailedRun
from aiocrew.cli import batch_screen, main, run_batch
from aiocrew.cli.input_records import csv_rows, json_lines, json_list
from aiocrew.cli.results import Results, result_line
from aiocrew.errors import BlueprintError
from tests.cli.scenes import COMMAND, Provider

SAYING = """
from pathlib import Path

from aiocrew import Agent, Crew, Reply, Task, Usage


class Parrot:
    "Repeats its task, and keeps a list of what it was asked."

    async def reply(self, request):
        asked = request.messages[-1].text.splitlines()[0].removeprefix("Your task: ")
        with Path("asked").open("a") as file:
            file.write(asked + "\\n")
        return Reply(asked, usage=Usage(10, 5))


def crew_on(llm, **fields):
    agent = Agent(role="Parrot", goal="Repeat", backstory="Exact.", llm=llm)
    task = Task(description="Say {topic}", expected_output="That", agent=agent)
    return Crew(agents=[agent], tasks=[task], **fields)


crew = crew_on(Parrot())
"""
SEVERAL = f"""{SAYING}

def make() -> Crew:
    return crew


async def make_later():
    return crew


def fails():
    raise ValueError("not\\ntoday")


async def number_later():
    return number


def keyless():
    return crew_on("openai/some")


number = 3
"""
# A model of which no price list tells the price: loading one takes longer than all the rest.
ASKING = f"""{SAYING}
import os

from aiocrew import LLM

crew = crew_on(LLM("ollama/some", base_url=os.environ["OPENAI_BASE_URL"]))
"""

_PATIENCE_S = 50

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes are another thing there")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    modules = set(sys.modules)
    monkeypatch.setattr(run_batch, "allow_many_files", lambda: None)  # for this process it would be for good
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path("crew.py").write_text(SAYING)
    yield
    for name in set(sys.modules) - modules:
        if not name.startswith("aiocrew."):
            del sys.modules[name]


def topics(*values: Any, file: str = "topics.jsonl") -> str:
    """Write an input for each value; return the option that names the file."""
    Path(file).write_text("".join(json.dumps({"topic": value}) + "\n" for value in values))
    return f"--inputs={file}"


def results(file: str = "results.jsonl") -> list[dict[str, Any]]:
    """Return the results in the order of the inputs."""
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    return sorted(map(json.loads, lines), key=lambda result: result["index"])


def asked() -> list[str]:
    return sorted(Path("asked").read_text().splitlines()) if Path("asked").exists() else []


def run(*arguments: str) -> int:
    return main(["run", "crew.py:crew", "--output=results.jsonl", *arguments])


# What comes out


def test_each_outcome_is_a_line_with_all_that_is_known_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "crew.py:crew", topics("tea")]) == 0
    out, err = capfd.readouterr()
    result = json.loads(out)
    assert result.pop("duration_s") >= 0
    assert result.pop("token_usage")["total_tokens"] == 15
    assert result == {
        "index": 0,
        "inputs": {"topic": "tea"},
        "status": "ok",
        "raw": "Say tea",
        "json": None,
        "error": None,
        "cost_usd": None,
        "attempts": 1,
    }
    assert re.fullmatch(r"1 input: 1 ok, 0 failed\nIt took \d+\.\d s; 1 call, 15 tokens\n", err)


def test_an_input_that_fails_harms_no_other_and_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    Path("topics.jsonl").write_text('{"topic": "tea"}\n{"subject": "tea"}\n{"topic": "milk"}\n')
    assert run("--inputs=topics.jsonl") == 1
    first, second, third = results()
    assert [first["raw"], second["raw"], third["raw"]] == ["Say tea", None, "Say milk"]
    assert (second["status"], second["error"]["type"]) == ("failed", "MissingInputError")
    assert "{topic}" in second["error"]["message"]
    assert second["error"]["at"]["crew"] == "crew"
    err = capfd.readouterr().err
    assert "3 inputs: 2 ok, 1 failed\n" in err
    assert re.search(r"^  1 x MissingInputError, such as: .*\{topic\}", err, re.M)
    assert "Results: " in err


@given(
    raw=st.text(st.characters(codec=None)),
    inputs=st.dictionaries(st.text(), st.none() | st.text(st.characters(codec=None)) | st.integers()),
)
def test_any_output_is_one_line_of_json(raw: str, inputs: dict[str, Any]) -> None:
    line = result_line(CrewOutput(raw=raw, inputs=inputs))
    assert line.endswith(b"\n")
    text = line.decode("utf-8")
    assert len(text.splitlines()) == 1
    assert not re.search("[\x00-\x09\x7f-\x9f]", text), "nothing in it drives a terminal"
    result = json.loads(text)
    assert (result["raw"], result["inputs"]) == (_joined(raw), {_joined(k): _of(v) for k, v in inputs.items()})


def _joined(text: str) -> str:
    # Two halves of a surrogate pair side by side are one character once they were JSON.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _of(value: Any) -> Any:
    return _joined(value) if isinstance(value, str) else value


def test_what_is_not_json_in_an_outcome_stands_there_as_its_repr() -> None:
    output = CrewOutput(raw="x", inputs={"at": float("nan")}, json_dict={"set": {1}})
    result = json.loads(result_line(output))
    assert (result["inputs"], result["json"], result["raw"]) == ("{'at': nan}", "{'set': {1}}", "x")
    failed = json.loads(result_line(FailedRun(error=ValueError("no"), status="failed")))
    assert failed["error"] == {"type": "ValueError", "message": "no"}


def test_an_earlier_results_file_is_whole_until_the_batch_has_ended() -> None:
    Path("results.jsonl").write_text("earlier")
    Path("crew.py").write_text(
        f"{SAYING}\nclass Reader:\n    async def reply(self, request):\n"
        "        return Reply(Path('results.jsonl').read_text())\n\n\ncrew = crew_on(Reader())\n"
    )
    assert run(topics("a")) == 0
    assert [result["raw"] for result in results()] == ["earlier"]
    assert not Path("results.jsonl.part").exists()


def test_without_a_journal_the_results_of_a_batch_that_did_not_end_are_not_written_over(
    capfd: pytest.CaptureFixture[str],
) -> None:
    Path("results.jsonl.part").write_text("paid for")
    assert run(topics("a")) == 2
    assert "results.jsonl.part' holds the results of a batch that did not end" in capfd.readouterr().err
    assert Path("results.jsonl.part").read_text() == "paid for"
    assert run(topics("a"), "--journal=batch.sqlite") == 0
    assert len(results()) == 1


@unix
async def test_results_that_another_batch_is_writing_are_left_to_it(capfd: pytest.CaptureFixture[str]) -> None:
    with Results("results.jsonl", keep_part=False) as others:
        await others.write(CrewOutput(raw="theirs"))
        assert await asyncio.to_thread(run, topics("a"), "--journal=batch.sqlite") == 2
        assert "another batch is writing" in capfd.readouterr().err
        others.finish()
        Path("results.jsonl").rename("results.jsonl.part")  # as it is in between an open and a rename
        assert await asyncio.to_thread(run, topics("a")) == 2
    assert [result["raw"] for result in results("results.jsonl.part")] == ["theirs"]
    assert asked() == []


@unix
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_it_works_without_a_standard_file(closed: str) -> None:
    command = [*COMMAND, "run", "crew.py:crew", topics("a"), "--output=results.jsonl", "--journal=batch.sqlite"]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *command], check=False)
    assert done.returncode == 0
    assert [result["raw"] for result in results()] == ["Say a"]
    assert run(topics("a"), "--journal=batch.sqlite") == 0
    assert asked() == ["Say a"]


@unix
def test_results_for_a_closed_stdout_are_refused_before_anything_runs() -> None:
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "run", "crew.py:crew"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "aiocrew: stdout is closed: name a file by --output\n")
    assert asked() == []


@unix
def test_a_named_pipe_is_written_as_it_is() -> None:
    os.mkfifo("results.pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(Path("results.pipe").read_text()))
    reader.start()
    assert main(["run", "crew.py:crew", "--output=results.pipe"]) == 0
    reader.join()
    assert json.loads(read[0])["raw"] == "Say {topic}"
    assert Path("results.pipe").is_fifo()


# What goes in

ROWS = [{"topic": "tea"}, {"topic": 'two\nlines, and "quotes"'}, {"topic": "日本"}]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("in.jsonl", "\n\n  \n".join(json.dumps(row) for row in ROWS)),
        ("in.ndjson", "\ufeff" + "\r\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)),
        ("in.json", json.dumps(ROWS, indent=2)),
        ("in.csv", '\ufeff topic \r\ntea\r\n\r\n"two\nlines, and ""quotes"""\r\n日本\r\n'),
    ],
)
def test_every_form_of_inputs_is_read(file: str, content: str) -> None:
    Path(file).write_bytes(content.encode())
    assert run(f"--inputs={file}") == 0
    assert [result["inputs"] for result in results()] == ROWS


def test_without_inputs_there_is_one_run() -> None:
    assert run() == 0
    assert [(result["inputs"], result["raw"]) for result in results()] == [(None, "Say {topic}")]


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("in.jsonl", b'{"topic": 1}\n\n{"topic": \n{"topic": 2}\n', "in.jsonl, line 3: this is no JSON: .*, column 10"),
        (
            "in.jsonl",
            b'{"topic": 1}\n["topic"]\n{"topic": 2}\n',
            "in.jsonl, line 2: an input is an object .* type list",
        ),
        ("in.jsonl", b'{"topic": 1}\n{"topic": "\xff"}\n{"topic": 2}\n', "in.jsonl, line 2: this is no JSON: .*utf-8"),
        (
            "in.jsonl",
            b'{"topic": 1}\n{"topic": NaN}\n{"topic": 2}\n',
            "in.jsonl, line 2: this is no JSON: JSON has no NaN",
        ),
        ("in.jsonl", b'{"topic": 1}\n' + b"[" * 100_000 + b'\n{"topic": 2}\n', "in.jsonl, line 2: this is no JSON"),
        ("in.json", b'[{"topic": 1}, null, {"topic": 2}]', "in.json, element 2: .* this is null"),
        ("in.csv", b"topic\n1\na,b\n2\n", "in.csv, line 3: the row has 2 fields, the first line names 1"),
        ("in.csv", b"topic,b\n1,x\n3\n2,y\n", "in.csv, line 3: the row has 1 field, the first line names 2"),
        ("in.csv", b'topic\n1\n"a"b\n2\n', "in.csv, line 3: this is no row of CSV"),
        ("in.csv", b"topic\n1\n\xff\n2\n", "in.csv, line 3: the row is not UTF-8"),
    ],
)
def test_a_bad_input_fails_by_itself_and_names_its_place(file: str, content: bytes, problem: str) -> None:
    Path(file).write_bytes(content)
    assert run(f"--inputs={file}") == 1
    first, second, third = results()
    assert (first["raw"], third["raw"]) == ("Say 1", "Say 2")
    assert (second["status"], second["error"]["type"], second["attempts"]) == ("failed", "BlueprintError", 0)
    assert re.match(problem, second["error"]["message"])


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.booleans())), max_size=5))
def test_what_was_written_as_json_is_read_as_it_was(rows: list[dict[str, Any]]) -> None:
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    assert list(json_lines(io.BytesIO(lines.encode()), "in")) == rows
    assert list(json_list(io.BytesIO(json.dumps(rows).encode()), "in")) == rows


@given(st.lists(st.tuples(st.text(), st.text(st.characters(codec="utf-8", exclude_characters="\x00"))), max_size=5))
def test_what_was_written_as_csv_is_read_as_it_was(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    file.seek(0)
    assert list(csv_rows(file, "in")) == [{"a": a, "b": b} for a, b in rows]


@given(st.binary())
def test_no_bytes_break_the_reading_of_lines(content: bytes) -> None:
    assert all(isinstance(record, dict | BlueprintError) for record in json_lines(io.BytesIO(content), "in"))


# What is wrong is one line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere:crew"], "there is no module 'nowhere'"),
        (["crew.nowhere:crew"], "there is no module 'crew.nowhere'"),
        (["nowhere.py:crew"], "there is no file 'nowhere.py'"),
        (["crew.py"], "'crew.py' names no crew: give crew.py:NAME; there is crew, make"),
        (["crew.py:team"], "crew.py has no 'team'; there is crew, make"),
        (["crew.py:Parrot"], "crew.py:Parrot is the class Parrot"),
        (["crew.py:number"], "crew.py:number is something of type int"),
        (["crew.py:crew_on"], "crew.py:crew_on needs llm"),
        (["crew.py:fails"], r"crew.py:fails raised ValueError: not today \(crew.py, line \d+\)"),
        (["crew.py:number_later"], r"crew.py:number_later\(\) must return a Crew, it returned something of type int"),
        (["empty.py:crew"], "there is no crew in empty.py at all"),
        (["broken.py:crew"], r"broken.py cannot be imported: ModuleNotFoundError: .*'notthere' \(broken.py, line 3\)"),
        (["broken:crew"], r"broken cannot be imported: ModuleNotFoundError: .*'notthere' \(broken.py, line 3\)"),
        (["unclosed.py:crew"], r"unclosed.py cannot be imported: SyntaxError: .* \(unclosed.py, line 2\)"),
        (["leaves.py:crew"], r"leaves.py cannot be imported: SystemExit: 3"),
        (["crew.py:keyless"], "OPENAI_API_KEY"),
        (["crew.py:crew", "--inputs=nowhere.csv"], "--inputs 'nowhere.csv' cannot be read: No such file"),
        (["crew.py:crew", "--inputs=."], "--inputs '.' cannot be read: it is a folder"),
        (["crew.py:crew", "--inputs=crew.py"], r"must end in .jsonl .*, .json .* or .csv"),
        (["crew.py:crew", "--inputs=no.json"], "no.json must hold a list of objects"),
        (["crew.py:crew", "--inputs=broken.json"], "broken.json is no JSON"),
        (["crew.py:crew", "--inputs=twice.csv"], "each column a name of its own; it is 'a,a'"),
        (["crew.py:crew", "--inputs=empty.csv"], "each column a name of its own; it is ''"),
        (["crew.py:crew", "--inputs=utf16.csv"], "utf16.csv: its first line is not UTF-8"),
        (["crew.py:crew", "--output=no/where.jsonl"], "--output: '.*where.jsonl.part' cannot be written: No such file"),
        (["crew.py:crew", "--inputs=a.jsonl", "--output=./a.jsonl"], "--inputs and --output are one file"),
        (["crew.py:crew", "--journal=a.jsonl", "--output=a.jsonl"], "--output and --journal are one file"),
        (["crew.py:crew", "--retry-failed"], "--retry-failed needs --journal"),
        (["crew.py:crew", "--key=id"], "--key needs --journal"),
        (["crew.py:crew", "--concurrency=0"], "--concurrency"),
        (["crew.py:crew", "--deadline=0"], "deadline_s=0.0 must be"),
        (["crew.py:crew", "--budget-usd=1"], "--budget-usd needs the price of Parrot"),
    ],
)
def test_a_call_that_cannot_be_is_one_line_and_runs_nothing(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("crew.py").write_text(SEVERAL)
    Path("empty.py").touch()
    Path("broken.py").write_text("# a\n\nimport notthere\n")
    Path("unclosed.py").write_text("# a\nx = (\n")
    Path("leaves.py").write_text("raise SystemExit(3)\n")
    Path("no.json").write_text("{}")
    Path("broken.json").write_text("[")
    Path("twice.csv").write_text("a,a\n1,2\n")
    Path("empty.csv").touch()
    Path("utf16.csv").write_text("topic\ntea\n", encoding="utf-16")
    topics("a", file="a.jsonl")
    before = {file.name for file in Path().iterdir()}
    assert main(["run", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(rf"aiocrew: [^\n]*(?:{said})[^\n]*\n", err)
    assert {file.name for file in Path().iterdir()} == before


@pytest.mark.parametrize("name", ["make", "make_later"])
def test_a_function_may_give_the_crew(name: str) -> None:
    Path("crew.py").write_text(SEVERAL)
    assert main(["run", f"crew.py:{name}", "--output=results.jsonl"]) == 0
    assert len(results()) == 1


def test_the_current_folder_can_be_imported_from_and_a_file_sees_its_neighbours() -> None:
    package = Path("some_crews")
    package.mkdir()
    (package / "saying.py").write_text(SAYING)
    (package / "by_path.py").write_text("from saying import crew\n")
    assert main(["run", "some_crews.saying:crew", "--output=module.jsonl"]) == 0
    assert main(["run", "some_crews/by_path.py:crew", "--output=file.jsonl"]) == 0
    assert [result["raw"] for result in results("module.jsonl") + results("file.jsonl")] == ["Say {topic}"] * 2


# Journals, limits


def test_what_a_journal_has_is_not_run_again_and_the_results_are_whole(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(topics("a", "b"), "--journal=batch.sqlite") == 0
    assert run(topics("a", "b", "c"), "--journal=batch.sqlite") == 0
    assert asked() == ["Say a", "Say b", "Say c"]
    assert [result["raw"] for result in results()] == ["Say a", "Say b", "Say c"]
    err = capfd.readouterr().err
    assert "3 inputs: 3 ok, 0 failed (2 were in the journal already)\n" in err
    assert "3 calls, 45 tokens (those in the journal counted)\n" in err


def test_it_tells_the_command_that_retries_what_failed(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in provider.variables.items():
        monkeypatch.setenv(name, value)
    Path("crew.py").write_text(ASKING)
    provider.answer = lambda body: (400, "poison") if "Say b" in body else (200, "fine")
    assert run(topics("a", "b"), "--journal=my batch.sqlite", "--key=topic", "--concurrency=7") == 1
    assert [result["error"] and result["error"]["type"] for result in results()] == [None, "BadRequestError"]
    told = capfd.readouterr().err.splitlines()
    command = told[told.index("To run the failed ones again:") + 1]
    bodies: list[str] = []

    def answer(body: str) -> tuple[int, str]:
        bodies.append(body)
        return 200, "fine"

    provider.answer = answer
    assert main(shlex.split(command)[1:]) == 0
    assert len(bodies) == 1
    assert [(result["status"], result["attempts"]) for result in results()] == [("ok", 1), ("ok", 2)]


def test_an_input_is_known_by_the_field_that_is_its_key() -> None:
    Path("topics.jsonl").write_text('{"topic": "a", "id": 1}\n{"topic": "b"}\n')
    assert run("--inputs=topics.jsonl", "--journal=batch.sqlite", "--key=id") == 1
    assert "it has no 'id', which --key names" in results()[1]["error"]["message"]
    Path("topics.jsonl").write_text('{"topic": "a", "id": 1, "seen": true}\n')
    assert run("--inputs=topics.jsonl", "--journal=batch.sqlite", "--key=id") == 0
    assert asked() == ["Say a"]


def test_a_journal_that_is_none_is_left_alone_and_leaves_no_results(capfd: pytest.CaptureFixture[str]) -> None:
    Path("notes.txt").write_text("mine")
    assert run(topics("a"), "--journal=notes.txt") == 1
    assert re.fullmatch(r"aiocrew: the journal [^\n]* no SQLite file[^\n]*\n", capfd.readouterr().err)
    assert Path("notes.txt").read_text() == "mine"
    assert not list(Path().glob("results*"))


def test_too_many_failures_end_the_batch(capfd: pytest.CaptureFixture[str]) -> None:
    Path("topics.jsonl").write_text('{"topic": "a"}\n' + '{"no": 1}\n' * 5)
    assert run("--inputs=topics.jsonl", "--max-failures=1", "--concurrency=1", "--journal=batch.sqlite") == 1
    assert [result["status"] for result in results()] == ["ok", "failed", "failed"]
    err = capfd.readouterr().err
    assert "Ended, because more than --max-failures 1 failed, with 3 of 6 done: 1 ok, 2 failed" in err
    assert "To go on with more --max-failures:" in err


def test_a_run_that_takes_too_long_fails() -> None:
    Path("crew.py").write_text(f"{SAYING}\ncrew = crew_on('offline/60s')\n")
    assert run(topics("a"), "--deadline=0.05") == 1
    assert results()[0]["error"]["type"] == "DeadlineExceededError"


def test_when_the_budget_is_spent_no_further_inputs_are_begun(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in provider.variables.items():
        monkeypatch.setenv(name, value)
    Path("crew.py").write_text(
        f"{SAYING}\nfrom aiocrew import LLM, Price\n\n"
        "crew = crew_on(LLM('openai/some', max_tokens=5, price=Price(input_usd=0, output_usd=0, request_usd=0.4)))\n"
    )
    assert run(topics(*range(9)), "--budget-usd=1", "--concurrency=1") == 1
    assert [result["cost_usd"] for result in results()] == [0.4, 0.4, 0.0]
    assert [result["status"] for result in results()] == ["ok", "ok", "failed"]
    assert results()[2]["error"]["type"] == "BudgetExceededError"
    err = capfd.readouterr().err
    assert "$1.00 is spent: no further inputs are begun\n" in err
    assert "Ended, because the budget of $1.00 is spent, with 3 of 9 done: 2 ok, 1 failed\n" in err
    assert "2 calls, 30 tokens, $0.8000\n" in err


# Progress


def test_on_a_pipe_progress_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batch_screen, "_EVERY_S", 0.02)
    Path("crew.py").write_text(f"{SAYING}\ncrew = crew_on('offline/200ms')\n")
    assert run(topics("a", "b", "c")) == 0
    lines = capfd.readouterr().err.splitlines()
    assert "0 of 3 done, 0 failed, 3 in flight, 0.0 calls a second, 0 tokens, $0.00" in lines
    assert "3 inputs: 3 ok, 0 failed" in lines


def test_quietly_nothing_is_said_unless_something_went_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(topics("a"), "--quiet") == 0
    assert capfd.readouterr().err == ""
    Path("topics.jsonl").write_text("{}\n")
    assert run("--inputs=topics.jsonl", "--quiet") == 1
    assert "1 input: 0 ok, 1 failed" in capfd.readouterr().err


@unix
def test_on_a_terminal_there_is_a_bar_and_the_terminal_is_as_before_afterwards() -> None:
    import pty

    Path("crew.py").write_text(f"{SAYING}\ncrew = crew_on('offline/300ms')\n")
    ours, theirs = pty.openpty()
    command = [*COMMAND, "run", "crew.py:crew", topics("a", "b", "c"), "--output=results.jsonl"]
    with subprocess.Popen(
        command, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
    ) as child:
        os.close(theirs)
        shown = b""
        while not shown.endswith(b"results.jsonl\r\n"):
            shown += os.read(ours, 4096)
    os.close(ours)
    assert child.returncode == 0
    assert b"\xe2\x94\x81" in shown, "a bar"
    assert b"3 in flight" in shown
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1, "the cursor is back"


# Signals and pipes, in a process of its own


@contextmanager
def started(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command on pipes; however the block is left, it has ended then."""
    child = subprocess.Popen(
        [*COMMAND, "run", "crew.py:crew", *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


class Gate:
    """Lets a provider answer when it is opened, and counts what was asked."""

    def __init__(self, provider: Provider) -> None:
        self._open = threading.Event()
        self._asked = threading.Semaphore(0)
        self.count = 0
        provider.answer = self._answer

    def _answer(self, body: str) -> tuple[int, str]:
        self.count += 1
        self._asked.release()
        assert self._open.wait(_PATIENCE_S)
        return 200, "fine"

    def wait_for(self, number: int) -> None:
        for _ in range(number):
            assert self._asked.acquire(timeout=_PATIENCE_S)

    def open(self) -> None:
        self._open.set()


def read_until(stream: Any, words: str) -> str:
    """Return the line that holds `words`, once it has come."""
    return next(line for line in iter(stream.readline, "") if words in line)


@pytest.fixture
def gate(provider: Provider) -> Iterator[Gate]:
    Path("crew.py").write_text(ASKING)
    gate = Gate(provider)
    provider.handle_error = lambda *_: None  # a client that has left is no error here
    yield gate
    gate.open()


@unix
def test_the_first_signal_drains_and_the_command_that_is_told_goes_on(gate: Gate, provider: Provider) -> None:
    arguments = (topics(*range(9)), "--concurrency=2", "--journal=batch.sqlite", "--output=results.jsonl")
    with started(*arguments, **provider.variables) as child:
        gate.wait_for(2)
        child.send_signal(signal.SIGINT)
        said = read_until(child.stderr, "draining")
        gate.open()
        _, err = child.communicate(timeout=_PATIENCE_S)
    assert said == "draining: 2 under way, Ctrl-C again to stop them\n"
    assert child.returncode == 130
    assert "Interrupted with 2 of 9 done: 2 ok, 0 failed\n" in err
    assert [result["raw"] for result in results()] == ["fine", "fine"]
    assert not list(Path().glob("batch.sqlite-*")), "the journal was closed in order"

    command = err.splitlines()[-1]
    assert err.splitlines()[-2] == "The journal batch.sqlite has what is done. To go on:"
    done = subprocess.run(
        [*COMMAND, *shlex.split(command)[1:]], env={**os.environ, **provider.variables}, capture_output=True, check=True
    )
    assert b"Interrupted" not in done.stderr
    assert len(results()) == gate.count == 9


@unix
def test_the_second_signal_stops_what_is_under_way(gate: Gate, provider: Provider) -> None:
    with started(topics(*range(9)), "--concurrency=2", "--output=results.jsonl", **provider.variables) as child:
        gate.wait_for(2)
        child.send_signal(signal.SIGINT)
        read_until(child.stderr, "draining")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=_PATIENCE_S)
    assert child.returncode == 130
    assert "Interrupted with 0 of 9 done and 2 cut off: 0 ok, 0 failed\n" in err
    assert "No journal was kept" in err
    assert "Results:" not in err, "there are none"
    assert "--journal batch.sqlite" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert gate.count == 2


@unix
def test_a_signal_after_the_last_input_was_begun_interrupts_nothing(gate: Gate, provider: Provider) -> None:
    with started(topics(1, 2), "--output=results.jsonl", **provider.variables) as child:
        gate.wait_for(2)
        child.send_signal(signal.SIGINT)
        read_until(child.stderr, "draining")
        gate.open()
        _, err = child.communicate(timeout=_PATIENCE_S)
    assert child.returncode == 0
    assert "2 inputs: 2 ok, 0 failed\n" in err


@unix
def test_from_a_slow_pipe_each_line_is_run_when_it_comes() -> None:
    with started("--inputs=-") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for number in range(3):
            child.stdin.write(f'{{"topic": {number}}}\n')
            assert json.loads(child.stdout.readline())["raw"] == f"Say {number}"
        child.stdin.close()
        assert child.stdout.read() == ""
        assert child.wait(_PATIENCE_S) == 0


@unix
def test_a_drain_does_not_wait_for_a_pipe_on_which_nothing_comes() -> None:
    with started("--inputs=-", "--journal=batch.sqlite") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write('{"topic": "a"}\n')
        child.stdout.readline()
        child.send_signal(signal.SIGTERM)
        assert child.wait(_PATIENCE_S) == 130
        assert child.stderr is not None
        lines = child.stderr.read().splitlines()
    assert lines[0] == "draining: 0 under way, Ctrl-C again to stop them"
    assert lines[1] == "Interrupted with 1 done: 1 ok, 0 failed"
    assert lines[3:] == [
        "The journal batch.sqlite has what is done. To go on, with the same lines on stdin:",
        "  aiocrew run crew.py:crew --inputs - --concurrency 100 --journal batch.sqlite",
    ]


@unix
def test_a_reader_of_the_results_who_has_left_ends_the_batch() -> None:
    with started("--inputs=-") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        child.stdin.write('{"topic": "a"}\n')
        assert child.wait(_PATIENCE_S) == 1
        assert child.stderr.read() == "aiocrew: the results cannot be written to 'stdout' any further: Broken pipe\n"


def test_a_project_is_named_by_its_class() -> None:
    Path("crew.py").write_text(
        f"{SAYING}\nfrom aiocrew.project import CrewBase\nfrom aiocrew.project import crew as gives\n\n\n"
        "@CrewBase\nclass Sayings:\n    @gives\n    def crew(self):\n        return crew_on(Parrot())\n"
    )
    assert main(["run", "crew.py:Sayings", "--output=results.jsonl", topics("a")]) == 0
    assert [result["raw"] for result in results()] == ["Say a"]
