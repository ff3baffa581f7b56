"""What `aiocrew` can be asked for, and how it ends."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer
from typer.main import get_command

from aiocrew.cli.bench import BenchOptions, run_bench
from aiocrew.cli.demo import DEFAULT_LATENCY_S, DemoOptions, run_demo
from aiocrew.cli.versions import version_lines
from aiocrew.console.account import printable
from aiocrew.errors import AiocrewError, UsageError

__all__ = ["app", "carry_out"]

_NAME = "aiocrew"

# typer gives only the lowest of its parser's exceptions a public name; what they have in common is two steps up.
_WrongCall: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name=_NAME,
    help="Crews of AI agents, native on asyncio. `aiocrew demo` shows them at work, without a key or a network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_DEMO_HELP = (
    "Run several research crews at once, and compare that with one after another.\n\n"
    "Without --model they ask the offline model: a stand-in that takes its time like a real one, but makes its answers "
    "from the words of the task and from what the tools gave."
)
_BENCH_HELP = (
    "Time crews of one agent, one task and one model call: all at once, and one after another.\n\n"
    "For itself only, it raises the number of files that may be open to what the system allows. The exit code is 1 if "
    "a crew failed."
)
_MODEL_HELP = (
    "provider/model, such as openai/gpt-4o-mini or ollama/llama3.2. The key is read from the provider's variable, such "
    "as OPENAI_API_KEY."
)


@app.command("demo", help=_DEMO_HELP)
def _demo(
    crews: Annotated[int, typer.Option("--crews", "-n", min=1, max=500, help="How many crews run at once.")] = 6,
    latency: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=60,
            help="Seconds that the offline model takes for a reply.",
            show_default=f"{DEFAULT_LATENCY_S:g}",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help=f"A real model instead of the offline one: {_MODEL_HELP}"),
    ] = None,
) -> None:
    if latency is not None and model is not None:
        raise typer.BadParameter("--latency is the offline model's; leave out --latency or --model")
    raise typer.Exit(run_demo(DemoOptions(crews=crews, latency_s=latency, model=model)))


@app.command("bench", help=_BENCH_HELP)
def _bench(
    crews: Annotated[int, typer.Option("--crews", "-n", min=1, help="How many crews run at once.")] = 4,
    model: Annotated[
        str,
        typer.Option("--model", "-m", help=f"{_MODEL_HELP} offline/50ms is a stand-in that takes 50 ms for a reply."),
    ] = "offline/demo",
    sequential: Annotated[
        bool,
        typer.Option(
            "--sequential/--no-sequential",
            help="Run the crews one after another, too. Of many crews only the first are, and the time is scaled up.",
        ),
    ] = True,
) -> None:
    raise typer.Exit(run_bench(BenchOptions(crews=crews, model=model, sequential=sequential)))


@app.command("version")
def _version() -> None:
    """Show the versions of aiocrew and Python, the event loop, and the extras that are installed."""
    for line in version_lines():
        print(line)


def carry_out(arguments: Sequence[str] | None) -> int:
    """Carry out the command that `arguments` ask for and return its exit code; an error is one line on stderr."""
    out: Any = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # an answer may hold what the terminal has no letter for
    given = None if arguments is None else list(arguments)
    try:
        code: Any = get_command(app)(args=given, prog_name=_NAME, standalone_mode=False)
    except _WrongCall as error:
        wrong = cast("typer.BadParameter", error)
        return _stop(_with_hint(wrong), wrong.exit_code)
    except UsageError as error:
        return _stop(str(error), 2)
    except AiocrewError as error:
        return _stop(str(error), 1)
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def _with_hint(wrong: typer.BadParameter) -> str:
    message = wrong.format_message()
    if not message or wrong.ctx is None:  # without arguments the help has been shown already
        return message
    return f"{message.rstrip('.')}; see {wrong.ctx.command_path} --help"


def _stop(message: str, code: int) -> int:
    if message:
        print(f"{_NAME}: {printable(message)}", file=sys.stderr)
    return code
