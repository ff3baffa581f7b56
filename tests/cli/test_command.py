from __future__ import annotations

import platform
import re
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from aiocrew import __version__
from aiocrew.cli import main
from aiocrew.cli.commands import app
from tests.cli.scenes import COMMAND


def test_help_says_what_there_is() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert re.findall(r"│ (\w+) +[A-Z]", shown.stdout) == ["demo", "bench", "run", "profile", "check", "version"]


@pytest.mark.parametrize("command", ["demo", "bench", "run", "profile", "check", "version"])
def test_each_command_has_help(command: str) -> None:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_version_tells_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    out, err = capsys.readouterr()
    assert f"aiocrew  {__version__}\n" in out
    assert platform.python_version() in out
    assert re.search(r"^loop +\w+ \(\w+\)$", out, re.M)
    assert re.search(r"^extra +cli: .*typer \d", out, re.M)
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bench", "--crews", "0"], "greater than or equal to 1|0 is not in the range"),
        (["demo", "--crews", "many"], "integer"),
        (["demo", "--latency", "1", "--model", "offline/demo"], "leave out --latency or --model"),
        (["bench", "--model", "nobody/x"], "no provider is known as 'nobody'"),
        (["bench", "--model", "offline/soon"], "offline/200ms"),
        (["demo", "--model", "groq/x"], "set the environment variable GROQ_API_KEY"),
        (["demo", "--model", "offline/\x1b[31m"], r"offline/\\x1b"),
        (["wash"], "wash"),
        (["version", "--fast"], "--fast"),
    ],
)
def test_a_wrong_call_is_one_clear_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(rf"aiocrew: [^\n\x1b]*(?:{said})[^\n\x1b]*\n", err)


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    program = f"import sys\nsys.modules[{missing!r}] = None\nfrom aiocrew.cli import main\nsys.exit(main(['version']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f'aiocrew: the command needs {missing}: pip install "aiocrew[cli]"\n'


def test_the_module_is_the_command() -> None:
    done = subprocess.run([*COMMAND, "version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert __version__ in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C is another thing there")
def test_an_interrupt_ends_it_at_once() -> None:
    with subprocess.Popen(
        [*COMMAND, "demo", "--latency", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr is not None
        lines = iter(child.stderr.readline, "")
        assert any("begins" in line for line in lines), "the crews are under way"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
    assert child.returncode == 130
    assert out == ""
    assert "Traceback" not in err
