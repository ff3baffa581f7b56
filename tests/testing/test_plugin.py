"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

SRC = Path(__file__).parents[2] / "src"
_ASYNCIO = ["-o", "asyncio_default_fixture_loop_scope=function"]
ASYNC_PLUGINS = {
    "none": ["-p", "no:asyncio", "-p", "no:anyio"],
    "asyncio": ["-p", "no:anyio", *_ASYNCIO],
    "anyio": ["-p", "no:asyncio"],
    "both": [*_ASYNCIO, "-o", "asyncio_mode=auto"],
}

CREW = """
from aiocrew import Agent, Crew, Task
from aiocrew.testing import ScriptedModel

def crew(model, goal="g"):
    agent = Agent(role="r", goal=goal, backstory="b", llm=model)
    return Crew(agents=[agent], tasks=[Task(description="Do it", expected_output="x", agent=agent)])
"""


class Ran(NamedTuple):
    passed: int
    failed: int
    errors: int
    output: str


def run_pytest(folder: Path, test: str, *options: str, plugins: str = "none", ini: str = "") -> Ran:
    """Run pytest with the plugin on one module, whose tests may use `crew`."""
    (folder / "crews.py").write_text(CREW)
    (folder / "test_it.py").write_text(f"from crews import *\n\n{test}")
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\npythonpath = .\n{ini}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment |= {"PYTHONPATH": str(SRC), "OPENAI_API_KEY": "sk-test-0123456789"}
    plugin = ["-p", "aiocrew.testing.plugin"] if not _is_installed() else []
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *plugin,
        *ASYNC_PLUGINS[plugins],
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    shown = done.stdout + done.stderr
    return Ran(counts.get("passed", 0), counts.get("failed", 0), counts.get("error", 0), shown)


def _is_installed() -> bool:
    from importlib.metadata import entry_points

    return any(point.value == "aiocrew.testing.plugin" for point in entry_points(group="pytest11"))


VIRTUAL = """
import asyncio
import pytest

async def test_by_fixture(virtual_time):
    await asyncio.sleep(3600)
    assert virtual_time() == 3600

@pytest.mark.virtual_time(seed=3)
@pytest.mark.parametrize("number", [1, 2])
async def test_by_marker(number, tmp_path):
    await asyncio.sleep(3600)
    assert asyncio.get_running_loop().time() == 3600 and tmp_path.exists()

class TestInAClass:
    pytestmark = pytest.mark.virtual_time

    async def test_method(self):
        await asyncio.sleep(3600)
        assert asyncio.get_running_loop().time() == 3600
"""


@pytest.mark.parametrize("plugins", ASYNC_PLUGINS)
def test_an_async_test_runs_on_virtual_time_beside_any_async_plugin(tmp_path: Path, plugins: str) -> None:
    ran = run_pytest(tmp_path, VIRTUAL, "--strict-markers", plugins=plugins)
    assert (ran.passed, ran.failed) == (4, 0), ran.output


OTHERS = """
import pytest

@pytest.fixture
def cassette():
    return "a tape of music"

@pytest.mark.parametrize("virtual_time", [1, 2])
def test_a_parameter(virtual_time):
    assert virtual_time in (1, 2)

def test_a_fixture(cassette):
    assert cassette == "a tape of music"
    crew("openai/gpt-4o-mini").kickoff()
"""


def test_what_a_suite_itself_calls_by_the_names_of_fixtures_stays_its_own(tmp_path: Path) -> None:
    forbidden = "aiocrew_forbid_model_requests = true"
    ran = run_pytest(tmp_path, OTHERS, "--aiocrew-record=once", ini=forbidden)
    assert (ran.passed, ran.failed, ran.errors) == (2, 1, 0), ran.output
    assert "ModelRequestForbiddenError" in ran.output


@pytest.mark.parametrize("given", ["sed=3", "1, 2", "'x'"])
def test_a_wrong_marker_of_virtual_time_says_what_it_should_be(tmp_path: Path, given: str) -> None:
    test = f"import pytest\n@pytest.mark.virtual_time({given})\nasync def test_it():\n    pass\n"
    ran = run_pytest(tmp_path, test)
    assert ran.failed == 1
    assert "the marker is virtual_time, or virtual_time(seed=1)" in ran.output


def test_without_the_plugin_nothing_of_aiocrew_is_loaded(tmp_path: Path) -> None:
    alone = "def test_it():\n    import sys\n    assert not [name for name in sys.modules if 'aiocrew' in name]\n"
    (tmp_path / "test_alone.py").write_text(alone)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:aiocrew", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout


def test_a_failing_assertion_on_virtual_time_is_a_failure(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, "async def test_it(virtual_time):\n    assert virtual_time() == 1\n")
    assert ran.failed == 1, ran.output
    assert "assert 0.0 == 1" in ran.output


def test_virtual_time_is_refused_for_a_plain_test(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, "def test_it(virtual_time):\n    pass\n")
    assert ran.failed == 1
    assert "virtual time is for `async def` tests" in ran.output


def test_the_scripted_model_is_a_fixture(tmp_path: Path) -> None:
    ran = run_pytest(
        tmp_path, "def test_it(scripted_model):\n    assert crew(scripted_model('hello')).kickoff().raw == 'hello'\n"
    )
    assert ran.passed == 1, ran.output


TAPED = """
import os, pytest
ANSWERS = os.environ.get("ANSWERS", "").split()

def test_plain(cassette):
    assert crew(ScriptedModel(*ANSWERS)).kickoff().raw == "hello"

@pytest.mark.anyio
@pytest.mark.asyncio
@pytest.mark.parametrize("what", ["a/b", "a b"])
async def test_async(cassette, what):
    assert (await crew(ScriptedModel(*ANSWERS)).kickoff_async()).raw == "hello"

async def test_virtual(cassette, virtual_time):
    assert (await crew(ScriptedModel(*ANSWERS)).kickoff_async()).raw == "hello"
"""
ANYIO = """
@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module", autouse=True)
async def begun_before(anyio_backend):
    yield
"""


@pytest.mark.parametrize("plugins", ["asyncio", "anyio"])
def test_a_cassette_is_recorded_when_asked_for_and_replayed_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: str
) -> None:
    more = ANYIO if plugins == "anyio" else ""
    options = ["-W", "ignore::pytest.PytestUnknownMarkWarning"]
    unrecorded = run_pytest(tmp_path, TAPED + more, *options, plugins=plugins)
    assert "record it with mode='once' (pytest: --aiocrew-record=once)" in unrecorded.output
    assert unrecorded.passed == 0
    monkeypatch.setenv("ANSWERS", "hello")
    recorded = run_pytest(tmp_path, TAPED + more, *options, "--aiocrew-record=once", plugins=plugins)
    assert recorded.passed == 4, recorded.output
    files = sorted(path.name for path in (tmp_path / "cassettes" / "test_it").iterdir())
    assert len(files) == 4
    assert {"test_plain.json", "test_virtual.json"} < set(files)
    monkeypatch.delenv("ANSWERS")
    replayed = run_pytest(tmp_path, TAPED + more, *options, plugins=plugins)
    assert replayed.passed == 4, replayed.output


def test_a_test_that_fails_leaves_no_cassette(tmp_path: Path) -> None:
    test = "def test_it(cassette):\n    crew(ScriptedModel('x')).kickoff()\n    assert not 'this'\n"
    ran = run_pytest(tmp_path, test, "--aiocrew-record=once")
    assert (ran.failed, ran.errors) == (1, 0), ran.output
    assert not (tmp_path / "cassettes").exists()


def test_a_changed_prompt_fails_the_test_once(tmp_path: Path) -> None:
    test = "def test_it(cassette):\n    crew(ScriptedModel('x'), goal={!r}).kickoff_for_each([{{}}])\n"
    assert run_pytest(tmp_path, test.format("old"), "--aiocrew-record=once").passed == 1
    ran = run_pytest(tmp_path, test.format("new"))
    assert (ran.passed, ran.failed, ran.errors) == (0, 1, 0), ran.output
    assert "- Your goal: old" in ran.output
    assert "+ Your goal: new" in ran.output


def test_a_test_that_is_not_called_does_not_read_as_a_cassettes_fault(tmp_path: Path) -> None:
    test = (
        "import pytest\n@pytest.fixture\ndef broken(cassette):\n    raise ValueError('its own')\n\n"
        "def test_it(broken):\n    pass\n"
    )
    ran = run_pytest(tmp_path, test, "--aiocrew-record=once")
    assert (ran.passed, ran.failed, ran.errors) == (0, 0, 1), ran.output
    assert "its own" in ran.output
    assert "CassetteError" not in ran.output


FORBIDDEN = """
import pytest
from aiocrew import LLM
from aiocrew.errors import ModelConnectionError
from aiocrew.testing import ModelRequestForbiddenError

def ask():
    LLM("openai/gpt-4o-mini", base_url="http://127.0.0.1:9/v1", max_retries=0).call("hello")

def test_forbidden():
    with pytest.raises(ModelRequestForbiddenError, match="aiocrew_forbid_model_requests is set"):
        ask()

@pytest.mark.aiocrew_allow_model_requests
def test_allowed():
    with pytest.raises(ModelConnectionError):
        ask()
"""


def test_requests_are_forbidden_where_the_ini_says_so(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, FORBIDDEN, ini="aiocrew_forbid_model_requests = true")
    assert (ran.passed, ran.failed) == (2, 0), ran.output


def test_without_the_ini_nothing_is_forbidden(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, FORBIDDEN)
    assert (ran.passed, ran.failed) == (1, 1), ran.output


def test_a_recording_may_ask_where_requests_are_forbidden(tmp_path: Path) -> None:
    test = (
        "from aiocrew import LLM\nfrom aiocrew.errors import ModelConnectionError\nimport pytest\n\n"
        "def test_it(cassette):\n"
        "    llm = LLM('openai/gpt-4o-mini', base_url='http://127.0.0.1:9/v1', max_retries=0)\n"
        "    with pytest.raises(ModelConnectionError):\n        crew(llm).kickoff()\n"
    )
    for options in (["--aiocrew-record=once"], []):
        ran = run_pytest(tmp_path, test, *options, ini="aiocrew_forbid_model_requests = true")
        assert (ran.passed, ran.failed) == (1, 0), ran.output


def test_loading_the_plugin_loads_the_plugin_only() -> None:
    program = (
        "import sys, pytest\nimport aiocrew.testing.plugin, aiocrew.testing.overlap\n"
        "print(sorted(name.removeprefix('aiocrew') for name in sys.modules if name.startswith('aiocrew')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['', '.testing', '.testing.overlap', '.testing.plugin', '.version']"
