"""What `aiocrew` can be asked for, and how it ends."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer
from typer.main import get_command

from aiocrew.cli.batch_report import BatchCall
from aiocrew.cli.bench import BenchOptions, run_bench
from aiocrew.cli.check import CheckOptions, run_check
from aiocrew.cli.demo import DEFAULT_LATENCY_S, DemoOptions, run_demo
from aiocrew.cli.open_files import stand_in_for_closed_files
from aiocrew.cli.profile import ProfileOptions, run_profile
from aiocrew.cli.program_command import ProgramCommand
from aiocrew.cli.programs import Program
from aiocrew.cli.run_batch import carry_out_batch
from aiocrew.cli.versions import version_lines
from aiocrew.console.account import printable
from aiocrew.errors import AiocrewError, UsageError

__all__ = ["app", "carry_out"]

_NAME, _PROFILE = "aiocrew", "profile"

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
_RUN_HELP = (
    "Run a crew for every input of a file, many at once, and write a line of JSON for each outcome.\n\n"
    "  aiocrew run crews/research.py:crew --inputs topics.jsonl --output results.jsonl --journal batch.sqlite\n\n"
    "An input that fails harms no other: its line has the error. With --journal what is done is recorded at once: "
    "after a crash, a kill or Ctrl-C the same command does only what is missing, and --output is whole again.\n\n"
    "The first Ctrl-C (or SIGTERM) takes no new inputs and waits for those under way, the second stops them.\n\n"
    "Exit codes: 0 all inputs are ok, 1 some failed, 2 the call was wrong, 130 it was interrupted."
)
_CREW_HELP = (
    "package.module:name or path/to/file.py:name. The name is that of a Crew, of a function without arguments that "
    "returns one, or of a class with @CrewBase. The current folder can be imported from."
)
_INPUTS_HELP = (
    "A file ending in .jsonl (one JSON object a line), .json (a list of objects) or .csv (the first line has the "
    "names), or - for JSON Lines on stdin. Each object fills the {placeholders} of one run. Without it the crew runs "
    "once, without inputs."
)
_OUTPUT_HELP = (
    "Where the results go, as JSON Lines in the order in which they end; - is stdout. A file is written as FILE.part "
    "and gets its name at the end."
)
_CONCURRENCY_HELP = (
    "How many inputs are under way at most. What the provider allows is found out and kept to by itself; this bounds "
    "the memory, and what Ctrl-C has to wait for."
)
_JOURNAL_HELP = (
    "A file that records each outcome and each finished step, so that the same command goes on after it ended."
)
_PROFILE_HELP = (
    "Run an unchanged program, and tell at its end what kept its crews from running side by side.\n\n"
    "  aiocrew profile research.py --topics all\n\n"
    "aiocrew profile --html lanes.html -m package.module\n\n"
    "It runs as under python, with stdin and stdout of its own; what stands behind the script is the script's. The "
    "report goes to stderr, also after an exception, sys.exit(), Ctrl-C or SIGTERM: so servers can be observed, too. "
    "Other processes that it starts are not observed.\n\n"
    "Exit codes: the program's; where that is 0, 1 for too little overlap. 2 the call was wrong."
)
_LEAST_HELP = (
    "Fail, with exit code 1, when the overlap is less: the time that calls of models and tools were in flight, summed, "
    "over the time that all took."
)
_CHECK_HELP = (
    "Find in source files what keeps crews from running side by side, without running anything.\n\n"
    "  aiocrew check src\n\n"
    "A line with the comment `# aiocrew: ignore[AIC401]` is passed over.\n\n"
    "Exit codes: 0 nothing was found, 1 something was, 2 the call was wrong."
)
_CODES_HELP = "Codes or their beginnings, such as AIC4; the option may be given several times."
_HTML_HELP = "Write the lanes page there: one HTML file with every run, what it did when, and the report."
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
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help=f"{_HTML_HELP} Only of the crews that run at once.")
    ] = None,
) -> None:
    if latency is not None and model is not None:
        raise typer.BadParameter("--latency is the offline model's; leave out --latency or --model")
    raise typer.Exit(run_demo(DemoOptions(crews=crews, latency_s=latency, model=model, html=html)))


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


@app.command("run", help=_RUN_HELP)
def _run(
    crew: Annotated[str, typer.Argument(metavar="MODULE:CREW", help=_CREW_HELP)],
    inputs: Annotated[str | None, typer.Option("--inputs", "-i", metavar="FILE", help=_INPUTS_HELP)] = None,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help=_OUTPUT_HELP)] = "-",
    concurrency: Annotated[int, typer.Option("--concurrency", "-c", min=1, help=_CONCURRENCY_HELP)] = 100,
    journal: Annotated[str | None, typer.Option("--journal", "-j", metavar="FILE", help=_JOURNAL_HELP)] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what the journal has as failed.")
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD", help="The field by which the journal knows an input, in place of all its content."
        ),
    ] = None,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="End the batch when more inputs than this have failed.")
    ] = None,
    deadline: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long the run of one input may take.")
    ] = None,
    budget_usd: Annotated[
        float | None, typer.Option(metavar="DOLLARS", help="What the calls of this start may cost together.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show no progress, and no summary when all went well.")
    ] = False,
) -> None:
    for option, given in (("--retry-failed", retry_failed), ("--key", key is not None)):
        if given and journal is None:
            raise typer.BadParameter(f"{option} needs --journal, which knows what was done")
    call = BatchCall(
        crew=crew,
        inputs=inputs,
        output=output,
        concurrency=concurrency,
        journal=journal,
        retry_failed=retry_failed,
        key=key,
        max_failures=max_failures,
        deadline_s=deadline,
        budget_usd=budget_usd,
        quiet=quiet,
    )
    raise typer.Exit(carry_out_batch(call))


@app.command(_PROFILE, help=_PROFILE_HELP, cls=ProgramCommand, options_metavar="[OPTIONS] {SCRIPT | -m MODULE}")
def _profile(
    program: Annotated[
        list[str] | None, typer.Argument(metavar="ARGUMENT", help="What stands behind it is its own.")
    ] = None,
    module: Annotated[
        str | None,
        typer.Option("--module", "-m", metavar="MODULE", help="A module in place of a script, as with python -m."),
    ] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help=_HTML_HELP)] = None,
    record: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON there.")
    ] = None,
    least: Annotated[float | None, typer.Option("--least-overlap", metavar="X", min=0, help=_LEAST_HELP)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no report.")] = False,
) -> None:
    words = program or []
    if module is None and not words:
        raise typer.BadParameter("there is nothing to run: give a script, or -m and the name of a module")
    wanted = (
        Program(name=words[0], is_module=False, arguments=words[1:])
        if module is None
        else Program(name=module, is_module=True, arguments=words)
    )
    options = ProfileOptions(program=wanted, html=html, json=record, least_overlap=least, quiet=quiet)
    raise typer.Exit(run_profile(options))


@app.command("check", help=_CHECK_HELP)
def _check(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files and folders; without any, this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of records in JSON.")] = False,
    concise: Annotated[bool, typer.Option("--concise", help="One line for each finding, no more.")] = False,
    select: Annotated[list[str] | None, typer.Option(metavar="CODE", help=f"Only these rules. {_CODES_HELP}")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODE", help=f"Not these rules. {_CODES_HELP}")] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="CODE", help="Show what a rule finds, with a bad and a good example.")
    ] = None,
) -> None:
    options = CheckOptions(
        paths=paths or (".",),
        as_json=as_json,
        concise=concise,
        select=select or (),
        ignore=ignore or (),
        explain=explain,
    )
    raise typer.Exit(run_check(options))


@app.command("version")
def _version() -> None:
    """Show the versions of aiocrew and Python, the event loop, and the extras that are installed."""
    for line in version_lines():
        print(line)


def carry_out(arguments: Sequence[str] | None) -> int:
    """Carry out the command that `arguments` ask for and return its exit code; an error is one line on stderr."""
    stand_in_for_closed_files()
    given = list(sys.argv[1:] if arguments is None else arguments)
    out: Any = sys.stdout
    if isinstance(out, io.TextIOWrapper) and given[:1] != [_PROFILE]:  # there it is another program's
        out.reconfigure(errors="backslashreplace")  # an answer may hold what the terminal has no letter for
    try:
        code: Any = get_command(app)(args=None if arguments is None else given, prog_name=_NAME, standalone_mode=False)
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
