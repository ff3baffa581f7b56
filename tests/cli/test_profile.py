from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from aiocrew.cli import main
from tests.cli.scenes import COMMAND, Command

CREW = """
import asyncio
from aiocrew import Agent, Crew, Task, tool

def crew(topic, llm="offline/50ms", **fields):
    agent = Agent(role=f"Expert on {topic}", goal="g", backstory="b", llm=llm, **fields)
    return Crew(agents=[agent], tasks=[Task(description=f"Tell of {topic}", expected_output="x", agent=agent)])

TOPICS = ["bees", "wasps", "ants", "moths"]
"""
BLOCKING_TOOL = f"""{CREW}
import time

@tool
async def measure(length: str) -> str:
    \"\"\"Measure the length.\"\"\"
    time.sleep(0.15)  # the line
    return "3 cm"

async def main():
    await asyncio.gather(*[crew(topic, tools=[measure]).kickoff_async() for topic in TOPICS])

asyncio.run(main())
"""
LOOP_OF_AWAITS = f"""{CREW}
async def main():
    for topic in TOPICS:  # the line
        await crew(topic).kickoff_async()

asyncio.run(main())
"""
NO_RUN = "print('nothing to see')\n"
MIRROR = """
import dataclasses, pickle, sys
from dataclasses import dataclass

@dataclass
class Point:
    x: "int"

for name in ("__name__", "__file__", "__package__", "__cached__", "__annotations__", "__doc__"):
    print(name, globals().get(name, "is not there"))
print(sys.argv, sys.path[0], input(), sys.stdout.errors)
print(getattr(__spec__, "name", None), type(__loader__).__name__)
print(pickle.loads(pickle.dumps(Point(1))), sys.modules["__main__"].Point is Point)
"""


def written(path: Path, program: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(program, encoding="utf-8")
    return path


def line_of(path: Path) -> int:
    """Return the number of the line that is marked."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if "# the line" in line)


def profiled(*arguments: str | Path, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Profile in a process of its own."""
    command = [*COMMAND, "profile", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, input=given)


def plain(*arguments: str | Path, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run as without aiocrew."""
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, input=given)


@pytest.fixture
def here(aiocrew: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """The command in this process, which gets back what belongs to a program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return aiocrew


def test_a_blocking_sleep_in_an_async_tool_is_named_by_its_line(tmp_path: Path) -> None:
    script = written(tmp_path / "bees.py", BLOCKING_TOOL)
    done = profiled("bees.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    first = done.stderr.split("\n1. ")[1].split("\n2. ")[0]
    assert "blocked-loop" in first.splitlines()[0]
    assert f"   bees.py:{line_of(script)} in measure\n" in first
    assert "time.sleep(0.15)" in first
    assert "instead: await asyncio.sleep(...)" in first


def test_a_loop_of_awaits_is_named_by_its_line(tmp_path: Path) -> None:
    script = written(tmp_path / "bees.py", LOOP_OF_AWAITS)
    done = profiled("bees.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    told = done.stderr.split("\n1. ")[1]
    assert "awaited-in-turn" in told.splitlines()[0]
    assert f"   bees.py:{line_of(script)} in main\n" in told
    assert "instead: await asyncio.gather(" in told
    assert "\n2. " not in told
    assert "\x1b" not in done.stderr


def test_a_script_finds_what_python_would_give_it(tmp_path: Path) -> None:
    written(tmp_path / "sub" / "mirror.py", MIRROR)
    arguments = ("sub/mirror.py", "--html", "x", "-h", "--", "-m", "--help")
    python = plain(*arguments, cwd=tmp_path, given="typed\n")
    assert python.returncode == 0, python.stderr
    assert profiled(*arguments, cwd=tmp_path, given="typed\n").stdout == python.stdout


def test_a_module_finds_what_python_would_give_it(tmp_path: Path) -> None:
    written(tmp_path / "package" / "__init__.py", "")
    written(tmp_path / "package" / "__main__.py", MIRROR)
    arguments = ("-m", "package", "--html", "x", "-q", "--help")
    python = plain(*arguments, cwd=tmp_path, given="typed\n")
    assert python.returncode == 0, python.stderr
    assert profiled("-q", *arguments, cwd=tmp_path, given="typed\n").stdout == python.stdout


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("def inner():\n    1 / 0\n\ntry:\n    inner()\nexcept ZeroDivisionError:\n    {}['x']\n", 1),
        ("import sys\nsys.exit('so much for that')\n", 1),
        ("for in x:\n", 1),
        ("from aiocrew import Agent\nAgent(role='r')\n", 1),
    ],
    ids=["error", "exit", "syntax", "blueprint"],
)
def test_what_ends_a_program_is_shown_as_python_shows_it(tmp_path: Path, program: str, code: int) -> None:
    written(tmp_path / "broken.py", program)
    python, done = plain("broken.py", cwd=tmp_path), profiled("broken.py", cwd=tmp_path)
    assert (done.returncode, python.returncode) == (code, code)
    assert python.stderr
    assert done.stderr.startswith(python.stderr)
    assert "No run was seen" in done.stderr[len(python.stderr) :]


@pytest.mark.parametrize(("leaves", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("raise SystemExit(True)", 1)])
def test_the_exit_code_is_the_programs(here: Command, tmp_path: Path, leaves: str, code: int) -> None:
    written(tmp_path / "leaves.py", f"import sys\n{leaves}\n")
    done = here("profile", "leaves.py")
    assert done.returncode == code
    assert "No run was seen" in done.stderr


def test_a_program_that_failed_keeps_its_report(here: Command, tmp_path: Path) -> None:
    written(tmp_path / "late.py", f"{LOOP_OF_AWAITS}\nraise LookupError('too late')\n")
    done = here("profile", "late.py")
    assert done.returncode == 1
    assert done.stderr.index("LookupError: too late") < done.stderr.index("4 runs took")
    assert "aiocrew/cli" not in done.stderr


def test_a_hook_of_the_program_that_fails_hides_nothing(
    here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    program = "import sys\ndef hook(*_):\n    raise LookupError('in the hook')\nsys.excepthook = hook\n1 / 0\n"
    written(tmp_path / "hooked.py", program)
    done = here("profile", "hooked.py")
    assert done.returncode == 1
    assert "LookupError: in the hook" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_a_program_may_close_its_streams(tmp_path: Path) -> None:
    written(tmp_path / "closes.py", f"{NO_RUN}import sys\nsys.stdout.close()\nsys.stderr.close()\n")
    done = profiled("--json", "report.json", "closes.py", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing to see\n", "")
    assert json.loads((tmp_path / "report.json").read_text())["runs"] == 0


def test_the_report_goes_where_stderr_was_before(
    here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    written(tmp_path / "swaps.py", "import io, sys\nsys.stderr = io.StringIO()\n")
    assert "No run was seen" in here("profile", "swaps.py").stderr


def test_files_and_the_least_overlap(here: Command, tmp_path: Path) -> None:
    script = written(tmp_path / "bees.py", LOOP_OF_AWAITS)
    arguments = ("profile", "--html", "lanes.html", "--json", "report.json", "-q", "--least-overlap", "2", "bees.py")
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0].startswith("aiocrew: the overlap was ")
    assert done.stderr.splitlines()[0].endswith(": --least-overlap asks for 2")
    assert len(done.stderr.splitlines()) == 1
    assert "<title>" in (tmp_path / "lanes.html").read_text(encoding="utf-8")
    report: dict[str, Any] = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["version"], report["runs"], report["calls"]) == (1, 4, 4)
    assert report["in_flight"][0][0] == 0
    culprit = report["culprits"][0]
    assert (culprit["cause"], culprit["file"], culprit["line"]) == ("awaited-in-turn", str(script), line_of(script))
    assert all(0 <= span["from_s"] <= span["to_s"] <= report["wall_s"] + 1e-3 for span in culprit["at"])


def test_enough_overlap_is_no_failure(here: Command, tmp_path: Path) -> None:
    written(tmp_path / "bees.py", LOOP_OF_AWAITS)
    assert here("profile", "--least-overlap", "0.1", "bees.py").returncode == 0


def test_a_program_without_a_run_overlaps_too_little(here: Command, tmp_path: Path) -> None:
    written(tmp_path / "idle.py", NO_RUN)
    done = here("profile", "--least-overlap", "0.1", "idle.py")
    assert (done.returncode, done.stdout) == (1, "nothing to see\n")
    assert "there was no run: --least-overlap asks for 0.1" in done.stderr


def test_files_are_told_and_written_from_where_it_was_called(here: Command, tmp_path: Path) -> None:
    written(tmp_path / "bees.py", f"import os\n{LOOP_OF_AWAITS}\nos.chdir('/')\n")
    done = here("profile", "--json", "report.json", "bees.py")
    assert done.returncode == 0
    assert "\n   bees.py:" in done.stderr
    assert (tmp_path / "report.json").is_file()


def test_threads_that_were_there_before_the_program_are_not_waited_for(tmp_path: Path) -> None:
    leave = threading.Event()
    other = threading.Thread(target=leave.wait)
    other.start()
    try:
        assert main(["profile", "-q", str(written(tmp_path / "program.py", NO_RUN))]) == 0
    finally:
        leave.set()
        other.join()


def test_threads_that_a_program_leaves_are_waited_for(here: Command, tmp_path: Path) -> None:
    program = f"""{CREW}
    import threading
    from concurrent.futures import ThreadPoolExecutor

    def work():
        crew("bees").kickoff()
        print("done")

    idle = ThreadPoolExecutor(1)
    idle.submit(print, "submitted").result()
    threading.Thread(target=work).start()
    """
    written(tmp_path / "threads.py", textwrap.dedent(program.replace(CREW, textwrap.indent(CREW, "    "))))
    done = here("profile", "threads.py")
    assert (done.returncode, done.stdout) == (0, "submitted\ndone\n"), done.stderr
    assert "With a single run there is nothing to compare" in " ".join(done.stderr.split())


def test_colours_are_for_terminals(here: Command, tmp_path: Path) -> None:
    written(tmp_path / "bees.py", LOOP_OF_AWAITS)
    assert "\x1b[" in here("profile", "bees.py", FORCE_COLOR="1", TERM="xterm-256color").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a script, or -m and the name of a module"),
        (["nowhere.py"], "there is no file 'nowhere.py'"),
        (["."], "'.' is a folder"),
        (["-m", "nowhere.at.all"], "there is no module 'nowhere.at.all'"),
        (["-m", "idle.py"], "is no name of a module"),
        (["-m", "no/name"], "is no name of a module"),
        (["-m"], "requires an argument|Option '-m'"),
        (["data.bin"], "is no Python source"),
        (["--html", ".", "idle.py"], "--html '.': name a file"),
        (["--json", "no/folder/x.json", "idle.py"], "there is no folder"),
        (["--json", "-", "idle.py"], "--json '-': name a file, for nothing of it goes to stdout"),
        (["--html", "./idle.py", "idle.py"], "the script and --html are one file, './idle.py'"),
        (["--html", "a.out", "--json", "a.out", "idle.py"], "--html and --json are one file, 'a.out'"),
        (["--least-overlap", "-1", "idle.py"], "least-overlap"),
        (["--least-overlap", "much", "idle.py"], "least-overlap"),
        (["--fast", "idle.py"], "--fast"),
    ],
)
def test_a_wrong_call_is_one_clear_line(here: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    written(tmp_path / "idle.py", NO_RUN)
    (tmp_path / "data.bin").write_bytes(b"\x7fELF\0\0")
    done = here("profile", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert any(part in done.stderr for part in said.split("|"))
    assert (tmp_path / "idle.py").read_text(encoding="utf-8") == NO_RUN


def test_without_a_program_nothing_is_run() -> None:
    assert main(["profile", "--help"]) == 0


SERVER = f"""{CREW}
import time
import uvicorn

async def app(scope, receive, send):
    if scope["type"] == "http":
        time.sleep(0.1)  # the line
        await crew("bees", "offline/300ms").kickoff_async()
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": b"fine"}})

async def main():
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="warning"))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    reader = [asyncio.open_connection(*server.servers[0].sockets[0].getsockname()) for _ in range(4)]
    for opened in [await each for each in reader]:
        opened[1].write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        opened[1].answer = opened[0].read()
        opened[1].task = asyncio.ensure_future(opened[1].answer)
    await asyncio.gather(*[task for task in asyncio.all_tasks() if "read" in repr(task.get_coro())])
    print("served", flush=True)
    await serving

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C is another thing there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_server_that_is_stopped_by_a_signal_has_its_report(tmp_path: Path, number: signal.Signals, code: int) -> None:
    script = written(tmp_path / "serve.py", SERVER)
    command = [*COMMAND, "profile", "serve.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "served\n"
        child.send_signal(number)
        _, err = child.communicate()
    assert child.returncode == code, err
    assert f"serve.py:{line_of(script)} in app" in err
