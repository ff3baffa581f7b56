"""The rules of ARCHITECTURE.md, read off the source: floors, borders, sizes, public names, weight."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import aiocrew

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"

FLOORS: dict[str, float] = {
    "version": 0,
    "errors": 0,
    "types": 0,
    "aio": 1,
    "net": 1.5,
    "admission": 1.5,
    "console": 1.5,
    "models": 2,
    "tools": 3,
    "agent": 4,
    "batch": 5,
    "crew": 6,
    "flow": 7,
    "project": 7,
    "seeing": 8,
    "durable": 9,
    "server": 10,
    "cli": 11,
}
TESTING_MAY_USE = 8.0
"""`testing` stands beside the floors: it may use these and all below, and no floor uses it."""
DOORS = {"aiocrew", "aiocrew.__main__"}
"""They stand above everything."""

# fmt: off
PUBLIC_NAMES = {
    "LLM", "Agent", "AgentAction", "AgentError", "AgentFinish", "AiocrewError", "AiocrewWarning", "Allowance",
    "AnswerSpec", "Assistant", "AuthenticationError", "BadRequestError", "BaseTool", "BatchError",
    "BlockingKickoffWarning", "BlueprintError", "Budget", "BudgetExceededError", "CSVSearchTool", "CacheHandler",
    "CallbackError", "Cause", "Chunk", "ConditionalTask", "ContextTooLongError", "Crew", "CrewOutput",
    "CrewStreamingOutput", "Culprit", "DeadlineExceededError", "DirectoryReadTool", "EventSink", "EventStream",
    "FailedRun", "FileReadTool", "FileWriterTool", "Flow", "FlowError", "FlowStreamingOutput", "GuardrailError",
    "Human", "Instrumentation", "InterruptedToolError", "InvalidReplyError", "JournalError", "LimitState", "Limits",
    "LiteAgentOutput", "Location", "Message", "MissingInputError", "MissingKeyError", "Model", "ModelConnectionError",
    "ModelRefusedError", "ModelTimeoutError", "NotBuiltError", "NotStartedError", "Observation", "OfflineModel",
    "Outcome", "Outcomes", "OutputFormat", "OverlapReport", "OverloadedError", "Price", "Process", "ProviderError",
    "Question", "QuotaExceededError", "RateLimitError", "Reply", "Request", "RequestRefusedError", "Run", "RunOptions",
    "ScrapeWebsiteTool", "SerperDevTool", "Spent", "StreamChunk", "StreamChunkType", "StreamingModel", "System",
    "TXTSearchTool", "Task", "TaskError", "TaskOutput", "Tool", "ToolCall", "ToolCallChunk", "ToolResult", "ToolSpec",
    "UnknownModelError", "UnusableReplyError", "Usage", "UsageError", "UsageMetrics", "User", "WebsiteSearchTool",
    "__version__", "aclose", "admission_snapshot", "cancel_on_disconnect", "instrument", "observe", "tool",
}
# fmt: on
"""What `aiocrew.__all__` must equal."""

ENGINE = range(4, 8)
"""The floors whose time, ids, chance and parallel work come from outside, so that a replay is exact."""
NOT_IN_THE_ENGINE = {"time", "random", "uuid", "secrets"}
BLUEPRINTS = {"agent/blueprint.py", "crew/blueprint.py", "crew/task_blueprint.py"}
"""What people write has an `id` as CrewAI's has; no run reads it, so these may import uuid."""

ONLY_IN_AIO = {"create_task", "ensure_future", "run_in_executor", "to_thread", "run_coroutine_threadsafe"}
"""Calls that start something beside the caller, whatever they are called on."""
ONLY_IN_AIO_OF_ASYNCIO = {"gather", "wait", "wait_for", "as_completed", "shield"}
"""Likewise, but others have methods of these names too."""
ONLY_IN_AIO_CLASSES = {"TaskGroup", "Thread", "ThreadPoolExecutor", "Runner"}

BROAD_EXCEPTS: dict[tuple[str, str], str] = {
    ("aio/branches.py", "_settle"): "what a branch raises is data",
    ("aio/door.py", "_run_in_other_thread"): "an interrupted wait stops what it waits for, and is raised",
    ("aio/door.py", "job"): "the waiting thread raises it",
    ("aio/grace.py", "__await__"): "what is thrown into a task is handed on to its work",
    ("aio/grace.py", "_give_up"): "user code that is closed: the cancellation is what counts",
    ("aio/pool.py", "job"): "whoever awaits the thread raises it",
    ("console/pages.py", "_put"): "user code: whatever stands in sys.stderr",
    ("console/desk.py", "_write_all"): "a writing that failed frees the desk, and is raised",
    ("net/resolver.py", "_look_up"): "whoever waits for the lookup raises it",
    ("net/exchange.py", "post_and_read"): "a broken exchange closes its socket, whatever broke it",
    ("models/chat.py", "_pieces"): "whatever ends an attempt, its slot and what was set aside for it are given back",
    ("models/chat.py", "_attempt"): "the same",
    ("models/outgoing.py", "_by_toll"): "the same, before it is sent",
    ("models/toll.py", "pay"): "the same",
    ("models/answers.py", "_validated"): "user code: the validators of an answer's class",
    ("models/answers.py", "_text_of"): "user code: an exception's own text",
    ("models/call_callbacks.py", "_tell"): "user code: a callback of an LLM",
    ("models/own.py", "ask_on_terms"): "the same, for a model of one's own",
    ("types/context.py", "tell"): "a reader of events that fails may not harm the run",
    ("types/context.py", "emit"): "the same",
    ("types/context.py", "_tell_each"): "the same",
    ("agent/loop.py", "_attempts"): "what ends an agent's work is told, and raised",
    ("tools/calls.py", "_step"): "what ends a tool call is told, and raised",
    ("tools/calls.py", "_prepare"): "user code: the validators of an args_schema",
    ("tools/calls.py", "_run_tool"): "user code: a tool's exception is the model's to read",
    ("tools/calls.py", "_call_user"): "user code: a cache_function, a cache_handler",
    ("tools/calls.py", "_in_words"): "user code: an exception's own text",
    ("agent/asking.py", "ask"): "user code: a model of one's own",
    ("agent/callbacks.py", "call_user"): "user code: a callback, a guardrail",
    ("batch/journal_thread.py", "_live"): "whoever awaits the journal's thread raises it",
    ("batch/journal_thread.py", "_carried_out"): "whoever awaits the journal's thread raises it",
    ("batch/journal_steps.py", "_carry_out"): "a tool that raised has ended: its mark goes, and it is raised",
    ("batch/keys.py", "_from_user"): "user code: key= of a batch",
    ("cli/crew_lookup.py", "_imported"): "user code: importing a module",
    ("cli/crew_lookup.py", "build_crew"): "user code: a function that gives a crew",
    ("cli/programs.py", "run_program"): "user code: what a program raises is shown, and is its exit code",
    ("cli/programs.py", "_show"): "user code: the program's sys.excepthook",
    ("crew/execute.py", "_task"): "what fails a task is located, and raised",
    ("agent/run_frame.py", "carry_out"): "what fails a run is located, and raised",
    ("crew/kickoff.py", "outcome"): "an input of a batch: the others go on",
    ("flow/run.py", "_method"): "what fails a method is told, and raised",
    ("crew/task.py", "job"): "whoever waits for the future raises it",
    ("crew/run.py", "_carry_out"): "what fails a run is kept for whoever awaits it, and raised",
    ("crew/run.py", "__aexit__"): "a failure that was awaited inside has been raised there",
    ("agent/event_stream.py", "_events"): "what fails a run is kept for whoever asks for its output, and raised",
    ("aio/pulling.py", "_live"): "the thread that pulls raises it",
    ("testing/taping.py", "step"): "what a step raised is written down, and raised",
    ("seeing/bus/letter.py", "read"): "user code: a handler of events, which harms nobody",
    ("seeing/bus/letter.py", "aread"): "the same",
    ("seeing/bus/emitter.py", "emit"): "the same",
    ("seeing/otel/reader.py", "emit"): "the application's span processor, exporter or sampler",
    ("server/disconnect.py", "listen"): "what the listening raises ends the block, and is raised there",
}
"""The named borders, as (file below aiocrew/, function): there, and only there, any exception may be caught."""

LONGEST_FILE, LONGEST_FUNCTION = 500, 60
MOST_DISTRIBUTIONS = 15
HEAVY = ("aiohttp", "genai_prices", "httpx2", "sqlite3", "fastapi", "rich", "typer", "yaml", "opentelemetry", "dbos")


class Module(NamedTuple):
    name: str
    path: Path
    tree: ast.Module

    @property
    def folder(self) -> str:
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def __str__(self) -> str:
        return str(self.path.relative_to(SRC / "aiocrew"))


@cache
def modules() -> dict[str, Module]:
    found = (_module(path) for path in sorted((SRC / "aiocrew").rglob("*.py")))
    return {module.name: module for module in found}


def _module(path: Path) -> Module:
    parts = path.relative_to(SRC).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Give every module that is imported, wherever the import stands, with its line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in modules() else base, node.lineno


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    base = module.package.split(".")
    kept = base[: len(base) - node.level + 1]
    return ".".join([*kept, node.module] if node.module else kept)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def public(module: Module) -> list[str]:
    """Return the module's `__all__`."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return []


def may_import(folder: str, other: str) -> bool:
    if folder == other:
        return True
    if other == "testing" or other not in FLOORS:
        return False
    if folder == "testing":
        return FLOORS[other] <= TESTING_MAY_USE
    return FLOORS[other] < FLOORS[folder] or (FLOORS[other] == FLOORS[folder] == 0)


def test_every_folder_has_a_floor() -> None:
    folders = {module.folder for module in modules().values() if module.name not in DOORS}
    assert folders - FLOORS.keys() - {"testing"} == set()


def test_imports_only_go_down_and_nobody_imports_the_root() -> None:
    wrong: list[str] = []
    for module in modules().values():
        if module.name in DOORS:
            continue
        for imported, line in imports(module):
            if imported.split(".")[0] != "aiocrew":
                continue
            folder = imported.split(".")[1] if "." in imported else ""
            if not may_import(module.folder, folder):
                wrong.append(f"{module}:{line} imports {imported}")
    assert not wrong, "\n".join(wrong)


def test_no_import_circle() -> None:
    graph = {
        module.name: {name for name, _ in imports(module) if name in modules()} - {module.name}
        for module in modules().values()
    }
    # What nothing imports, or imports nothing, is in no circle: peel those off until only circles are left.
    while True:
        ends = {name for name, needed in graph.items() if not needed & graph.keys()}
        if not ends:
            break
        graph = {name: needed for name, needed in graph.items() if name not in ends}
    wrong = [f"{name} needs {other}" for name in sorted(graph) for other in sorted(graph[name] & graph.keys())]
    assert not wrong, "\n".join(wrong)


def test_public_names_are_the_listed_ones() -> None:
    assert set(aiocrew.__all__) == PUBLIC_NAMES
    assert [name for name in aiocrew.__all__ if not hasattr(aiocrew, name)] == []


def test_every_public_name_of_a_module_is_in_it() -> None:
    for module in modules().values():
        defined = {node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
        defined |= {function.name for function in functions(module.tree)}
        defined |= {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                defined |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        if module.name not in DOORS:  # the root gives its names on first use
            assert set(public(module)) - defined == set(), str(module)


def test_no_public_function_bears_a_modules_name() -> None:
    # `from aiocrew.models import lookup` would give a module or a function, depending on what was imported before.
    wrong: list[str] = []
    for module in modules().values():
        names = set(public(module)) & {function.name for function in functions(module.tree)}
        wrong += [f"{module}: {name}" for name in names if f"{module.package}.{name}" in modules()]
        reexported = public(module) if module.path.name == "__init__.py" else []
        wrong += [f"{module}: {name}" for name in reexported if f"{module.name}.{name}" in modules()]
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_are_short() -> None:
    wrong: list[str] = []
    for module in modules().values():
        lines = len(module.path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            wrong.append(f"{module}: {lines} lines")
        for function in functions(module.tree):
            length = (function.end_lineno or 0) - function.lineno + 1
            if length > LONGEST_FUNCTION:
                wrong.append(f"{module}: {function.name} has {length} lines")
    assert not wrong, "\n".join(wrong)


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Give each call as (what it is called on, name, line): ("asyncio", "wait", 7)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(value=value, attr=name):
                    yield ast.unparse(value), name, node.lineno
                case ast.Name(id=name):
                    yield "", name, node.lineno


def test_only_aio_starts_parallel_work() -> None:
    wrong: list[str] = []
    for module in modules().values():
        if module.folder in {"aio", "testing"}:  # a loop on virtual time is one, and is run by hand
            continue
        for on, name, line in _calls(module.tree):
            if name in ONLY_IN_AIO | ONLY_IN_AIO_CLASSES or (name in ONLY_IN_AIO_OF_ASYNCIO and on in {"", "asyncio"}):
                wrong.append(f"{module}:{line} calls {name}")
    assert not wrong, "\n".join(wrong)


def test_the_engine_asks_nobody_for_time_or_chance() -> None:
    wrong = [
        f"{module}:{line} imports {imported}"
        for module in modules().values()
        if FLOORS.get(module.folder) in ENGINE
        for imported, line in imports(module)
        if imported.split(".")[0] in NOT_IN_THE_ENGINE and not (imported == "uuid" and str(module) in BLUEPRINTS)
    ]
    assert not wrong, "\n".join(wrong)


def _broad_excepts(module: Module) -> Iterator[tuple[str, str]]:
    def visit(node: ast.AST, function: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from visit(child, child.name)
                continue
            if isinstance(child, ast.ExceptHandler) and _is_broad(child.type):
                yield function
            if isinstance(child, ast.Call) and ast.unparse(child.func).endswith("suppress"):
                yield from (function for argument in child.args if _is_broad(argument))
            yield from visit(child, function)

    return ((str(module), function) for function in visit(module.tree, ""))


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(item) for item in caught.elts)
    return caught is None or ast.unparse(caught) in {"Exception", "BaseException", "builtins.Exception"}


def test_broad_excepts_stand_at_named_borders_only() -> None:
    found = {place for module in modules().values() for place in _broad_excepts(module)}
    assert sorted(found - BROAD_EXCEPTS.keys()) == []
    assert sorted(BROAD_EXCEPTS.keys() - found) == [], "listed, but not there any more"


def test_modules_start_as_agreed() -> None:
    wrong: list[str] = []
    for module in modules().values():
        if not module.tree.body:
            continue
        if not ast.get_docstring(module.tree):
            wrong.append(f"{module}: no docstring")
        if module.path.name not in {"__init__.py", "__main__.py"} and not public(module):
            wrong.append(f"{module}: no __all__")
    assert not wrong, "\n".join(wrong)


def test_the_public_import_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from aiocrew import Agent, Crew, Task, Process, LLM, tool\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def _requirements(distribution: str) -> set[str]:
    """Return what `distribution` needs here, without its extras."""
    lines = [Requirement(line) for line in importlib.metadata.requires(distribution) or []]
    needed = [line for line in lines if line.marker is None or line.marker.evaluate({"extra": ""})]
    return {canonicalize_name(line.name) for line in needed}


def test_the_core_stays_light() -> None:
    needed: set[str] = set()
    ahead = _requirements("aiocrew")
    while ahead:
        name = ahead.pop()
        needed.add(name)
        ahead |= _requirements(name) - needed
    assert len(needed) <= MOST_DISTRIBUTIONS, sorted(needed)
