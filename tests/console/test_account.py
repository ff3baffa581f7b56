"""The readable account of verbose runs: each line under its run's name, and no run the worse for it."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aiocrew.agent.agent import Agent
from aiocrew.console.account import ConsoleAccount
from aiocrew.console.desk import DESK
from aiocrew.console.terminal import TerminalHuman
from aiocrew.crew.crew import Crew
from aiocrew.seeing.recorder import reading
from aiocrew.tools.decorator import tool
from aiocrew.types.messages import Reply, Request, ToolResult
from aiocrew.types.paths import ROOT
from aiocrew.types.ports import Question
from tests.console.terminals import shown_on_a_terminal, usual_environment, without_escapes
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time, prompt

PATIENCE_S = 30.0


class Screen(io.StringIO):
    """A stream that can be made to take nothing, and waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.takes = threading.Event()
        self.takes.set()
        self._changed = threading.Condition()

    def write(self, text: str) -> int:
        self.takes.wait(PATIENCE_S)
        with self._changed:
            self.pieces.append(text)
            self._changed.notify_all()
        return len(text)

    def wait_for(self, text: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.text, PATIENCE_S), self.text

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@pytest.fixture(autouse=True)
def _patient_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the desk as much time as a busy machine may need."""
    monkeypatch.setattr(DESK, "patience_s", PATIENCE_S)


@pytest.fixture
def put_screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Screen]]:
    """Give what puts a screen in the place of stderr; in a test's body, because pytest puts its own there before it."""
    screen = Screen()

    def put() -> Screen:
        monkeypatch.setattr("sys.stderr", screen)
        return screen

    yield put
    screen.takes.set()


async def test_nothing_is_printed_unless_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    await one_task_crew(ScriptedModel("ok")).kickoff_async()
    assert capsys.readouterr() == ("", "")


async def test_a_verbose_crew_accounts_on_stderr_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    agent = agent_with(ScriptedModel("the \x1b[31manswer\nin [bold]lines"))
    crew = Crew(name="research", agents=[agent], tasks=[task_for(agent, name="Job")], verbose=True)
    await crew.kickoff_async({"topic": "bees"})
    out, err = capsys.readouterr()
    assert out == ""
    number = re.match(r"research #(\d+) bees │ ", err)
    assert number
    lines = [re.sub(r"\d\.\d\d s", "0 s", line) for line in err.splitlines()]
    assert [line.removeprefix(number[0]) for line in lines] == [
        "▶ crew started  topic='bees'",
        "● Analyst starts: Job",
        "  → Analyst asks ScriptedModel (2 messages)",
        "  ← ScriptedModel replies to Analyst after 0 s · 10 + 5 tokens",
        "✓ Analyst answers after 0 s:",
        "  the \\x1b[31manswer",
        "  in [bold]lines",
        "✓ crew done in 0 s · 1 call · 15 tokens",
    ]


def test_fifty_runs_at_once_are_told_apart_and_no_block_is_torn(put_screen: Callable[[], Screen]) -> None:
    screen = put_screen()
    topics = [f"t{number:02}" for number in range(50)]

    @tool
    async def look(topic: str) -> str:
        """Look something up."""
        await asyncio.sleep(1)
        return f"facts of {topic}"

    def answer(request: Request) -> Reply | str:
        topic = re.search(r"\bt\d\d\b", prompt(request))[0]
        asked = any(isinstance(message, ToolResult) for message in request.messages)
        return f"{topic} one\n{topic} two\n{topic} three" if asked else calls(("look", {"topic": topic}))

    model = ScriptedModel(by=answer, delay_s=1)
    agent = agent_with(model, tools=[look])
    crew = Crew(agents=[agent], tasks=[task_for(agent)], verbose=True)

    async def main() -> None:
        await asyncio.gather(*(crew.kickoff_async({"topic": topic}) for topic in topics))

    on_virtual_time(main)
    assert model.peak == 50
    said: dict[str, list[str]] = defaultdict(list)
    for line in screen.text.splitlines():
        name, _, words = line.partition("│")
        assert re.fullmatch(r"crew #\d+ t\d\d\s*", name)
        said[name.split()[-1]].append(words)
    assert sorted(said) == topics
    for topic, lines in said.items():
        assert len(lines) == 13
        assert not re.search(rf"\bt(?!{topic[1:]})\d\d\b", "".join(lines))
        assert any(
            re.search(r"answers.*:\n(.*│   \w+ (one|two|three)\n){3}$", piece) and f"{topic} one" in piece
            for piece in screen.pieces
        )


def test_a_run_inside_a_tool_stands_under_the_outer_one(put_screen: Callable[[], Screen]) -> None:
    screen = put_screen()
    inner = one_task_crew(ScriptedModel("inside"), verbose=True, name="inner")

    @tool
    async def ask() -> str:
        """Ask others."""
        return (await inner.kickoff_async({"topic": "hives"})).raw

    agent = agent_with(ScriptedModel(calls(("ask", {})), "outside"), tools=[ask])
    Crew(name="outer", agents=[agent], tasks=[task_for(agent)], verbose=True).kickoff({"topic": "bees"})
    number = re.search(r"outer #(\d+) bees", screen.text)
    assert number
    assert f"inner #{number[1]}.1 hives │   ▶ crew started" in screen.text
    assert f"inner #{number[1]}.1 hives │   ✓ Analyst answers" in screen.text


def two_agents(**of_the_first: object) -> tuple[Agent, Agent, Crew]:
    first = agent_with(ScriptedModel("one"), role="{topic} analyst", **of_the_first)
    second = agent_with(ScriptedModel("two"), role="Writer")
    return first, second, Crew(agents=[first, second], tasks=[task_for(first), task_for(second)])


def test_the_account_of_one_agent_has_only_its_lines(put_screen: Callable[[], Screen]) -> None:
    screen = put_screen()
    first, _, crew = two_agents()
    with reading(ConsoleAccount(only=[first.role])):
        crew.kickoff({"topic": "bee"})
    lines = screen.text.splitlines()
    assert len(lines) == 4
    assert all("bee analyst" in line for line in lines)


def test_a_failure_names_the_task_and_says_all(put_screen: Callable[[], Screen]) -> None:
    screen = put_screen()
    error = RuntimeError("why " * 200 + "at last")
    with pytest.raises(Exception, match="at last"):
        one_task_crew(ScriptedModel(error), verbose=True).kickoff({"topic": "bees"})
    assert "✗ task 'Work on bees' of Analyst failed" in screen.text
    assert "✗ crew failed" in screen.text
    assert "at last" in screen.text


async def test_a_cancelled_run_says_so(put_screen: Callable[[], Screen]) -> None:
    screen = put_screen()
    model = ScriptedModel("ok", delay_s=3600)
    task = asyncio.ensure_future(one_task_crew(model, verbose=True).kickoff_async({"topic": "bees"}))
    await model.reached(1)
    task.cancel()
    await asyncio.wait([task])
    assert "✗ task 'Work on bees' of Analyst failed after 0.00 s: cancelled" in re.sub(
        r"\d\.\d\d s", "0.00 s", screen.text
    )
    assert "✗ crew cancelled in" in screen.text


def test_a_terminal_that_stands_still_holds_up_no_run(
    put_screen: Callable[[], Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = put_screen()
    monkeypatch.setattr(DESK, "patience_s", 0.01)
    screen.takes.clear()
    for number in range(3):
        assert one_task_crew(ScriptedModel("ok"), verbose=True, name=f"c{number}").kickoff({"topic": "b"}).raw == "ok"
    assert screen.pieces == []
    screen.takes.set()
    screen.wait_for("crew done")
    screen.wait_for("c2 ")
    names = re.findall(r"^(c\d) #.*started", screen.text, re.M)
    assert names == sorted(names)


class Broken:
    def write(self, text: str) -> int:
        raise BrokenPipeError


class Unwilling:
    def write(self, text: str) -> int:
        raise RuntimeError("a widget that is gone")


@pytest.mark.parametrize("stderr", [Broken(), Unwilling(), object(), None])
async def test_a_stream_that_cannot_be_written_to_fails_no_run(stderr: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", stderr)
    assert (await one_task_crew(ScriptedModel("ok"), verbose=True).kickoff_async({"topic": "b"})).raw == "ok"


async def test_nothing_is_written_into_a_prompt_while_a_person_is_asked(
    put_screen: Callable[[], Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = put_screen()
    answered = threading.Event()

    class Person:
        def readline(self) -> str:
            assert answered.wait(PATIENCE_S)
            return "shorter\n"

    monkeypatch.setattr("sys.stdin", Person())
    asked = asyncio.ensure_future(TerminalHuman().ask(Question("crew", "task", "agent", "bees", "r", ROOT)))
    await asyncio.to_thread(screen.wait_for, "accepts it: ")
    await one_task_crew(ScriptedModel("ok"), verbose=True).kickoff_async({"topic": "bees"})
    assert screen.text.endswith("accepts it: ")
    answered.set()
    assert await asked == "shorter"
    await asyncio.to_thread(screen.wait_for, "crew done")
    assert re.search(r"accepts it: \ncrew #\d+ bees", screen.text)


PROGRAM = """
import asyncio
from aiocrew import Agent, Crew, Task

def crew(name):
    agent = Agent(role="Analyst", goal="g", backstory="b", llm="offline/instant")
    task = Task(description="Say something long of {topic}, " + "word " * 30, expected_output="x", agent=agent)
    return Crew(name=name, agents=[agent], tasks=[task], verbose=True)

async def both():
    await asyncio.gather(*(crew(name).kickoff_async({"topic": name}) for name in ("bees", "ants")))
"""


async def test_on_a_terminal_each_run_has_its_colour_and_no_line_is_too_long() -> None:
    shown = await shown_on_a_terminal(PROGRAM + "asyncio.run(both())", width=70)
    assert "\x1b[1;36mbees #1 bees" in shown
    assert "\x1b[1;35mants #2 ants" in shown
    lines = without_escapes(shown).splitlines()
    assert all(re.match(r"(bees #1 bees|ants #2 ants) │ ", line) and len(line) <= 70 for line in lines)
    assert sum("crew done" in line for line in lines) == 2


async def test_a_progress_display_on_the_same_terminal_tears_no_line() -> None:
    shown = await shown_on_a_terminal(
        PROGRAM
        + "from aiocrew.cli.readers import Progress\n"
        + "from aiocrew.cli.screen import progress_shown\n"
        + "with progress_shown(Progress(), 'both'):\n"
        + "    asyncio.run(both())\n"
    )
    lines = [line.rpartition("\r")[2].rstrip() for line in without_escapes(shown).splitlines()]
    account = [line for line in lines if re.match(r"(bees #1 bees|ants #2 ants) │ ", line)]
    assert sum("│ ▶ crew started  topic='" in line for line in account) == 2
    assert sum("│ ✓ crew done in" in line for line in account) == 2
    assert all("0 of 0 crews" not in line for line in account)


@contextmanager
def piped(program: str) -> Iterator[subprocess.CompletedProcess[str]]:
    environment = {**usual_environment(), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", program]
    yield subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=60, env=environment)


MANY = """
import asyncio
from aiocrew import Agent, Crew, Task

agent = Agent(role="Analyst", goal="g", backstory="b", llm="offline/instant")
task = Task(description="Say something long of {topic}, " + "word " * 60, expected_output="x", agent=agent)
crew = Crew(agents=[agent], tasks=[task], verbose=True)
asyncio.run(crew.kickoff_for_each_async([{"topic": number} for number in range(200)]))
print("over", flush=True)
"""


def many_runs() -> subprocess.Popen[str]:
    """Start 200 verbose runs, which tell more than a pipe holds."""
    environment = {**usual_environment(), "PYTHONIOENCODING": "utf-8"}
    environment.pop("PYTHONUNBUFFERED", None)
    command = [sys.executable, "-c", MANY]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment)


def test_a_process_ends_although_nobody_reads_what_its_runs_told() -> None:
    with many_runs() as process:
        assert process.wait(60) == 0
        assert process.stdout.read() == "over\n"
        assert "crew started" in process.stderr.readline()


def test_a_process_ends_when_a_slow_reader_has_read_all_that_its_runs_told() -> None:
    with many_runs() as process:
        assert process.stdout.readline() == "over\n"
        assert process.stderr.read().count("crew done") == 200
        assert process.wait(60) == 0


def test_what_a_run_told_is_written_before_the_process_ends_although_another_run_goes_on() -> None:
    program = (
        "import threading\n"
        "from aiocrew import Agent, Crew, Task\n"
        "from aiocrew.testing.models import ScriptedModel\n"
        "def crew(model, **more):\n"
        "    agent = Agent(role='R', goal='g', backstory='b', llm=model)\n"
        "    task = Task(description='d', expected_output='e', agent=agent)\n"
        "    return Crew(agents=[agent], tasks=[task], verbose=True, **more)\n"
        "begun = threading.Event()\n"
        "endless = crew(ScriptedModel('ok', delay_s=3600), before_kickoff_callbacks=[lambda inputs: begun.set()])\n"
        "threading.Thread(target=endless.kickoff, daemon=True).start()\n"
        "assert begun.wait(30)\n"
        "crew(ScriptedModel('line\\n' * 40)).kickoff()\n"
    )
    with piped(program) as done:
        assert done.stderr.count("line\n") == 40
        assert "crew done" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_tells_what_its_own_runs_do_although_its_parents_were_under_way() -> None:
    program = (
        "import os, threading\n"
        "from aiocrew import Agent, Crew, Task\n"
        "from aiocrew.console.desk import DESK\n"
        "from aiocrew.testing.models import ScriptedModel\n"
        "def crew(name):\n"
        "    agent = Agent(role='R', goal='g', backstory='b', llm=ScriptedModel('ok'))\n"
        "    task = Task(description='d', expected_output='e', agent=agent)\n"
        "    return Crew(name=name, agents=[agent], tasks=[task], verbose=True)\n"
        "begun, over = threading.Event(), threading.Event()\n"
        "outer = crew('outer')\n"
        "outer.before_kickoff_callbacks = [lambda inputs: begun.set() or over.wait(30) and inputs]\n"
        "thread = threading.Thread(target=outer.kickoff)\n"
        "thread.start()\n"
        "assert begun.wait(30)\n"
        "DESK.patience_s = 30\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    crew('child').kickoff()\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "over.set()\n"
        "thread.join()\n"
    )
    with piped(program) as done:
        assert re.findall(r"^(\w+) .*crew (?:done|failed)", done.stderr, re.MULTILINE) == ["child", "outer"]


def test_a_run_whose_account_goes_to_a_file_does_not_load_rich() -> None:
    with piped(PROGRAM + "import sys\nasyncio.run(both())\nprint('rich' in sys.modules)") as done:
        assert done.stdout == "False\n"
        assert done.stderr.count("crew done") == 2


def test_a_program_that_is_not_verbose_loads_nothing_of_the_accounts_words() -> None:
    with piped("import sys, aiocrew\naiocrew.Crew\nprint('aiocrew.console.narrator' in sys.modules)") as done:
        assert done.stdout == "False\n"


def test_the_page_on_verbose_shows_what_its_program_tells() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verbose.md").read_text(encoding="utf-8")
    found = re.search(r"```py\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert found
    with piped(found[1]) as done:
        assert re.sub(r"\d\.\d+ s", "0.00 s", done.stderr) == found[2]
