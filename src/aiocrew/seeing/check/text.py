"""The findings of one source text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from aiocrew.seeing.check.blocking import blocking_calls
from aiocrew.seeing.check.coroutines import unawaited_coroutines
from aiocrew.seeing.check.doors import may_use_crews, uses_crews
from aiocrew.seeing.check.finding import Finding, Found
from aiocrew.seeing.check.gathering import gathers_without_isolation
from aiocrew.seeing.check.ignoring import ignored_lines
from aiocrew.seeing.check.module import Module, read_module
from aiocrew.seeing.check.order import runs_in_turn
from aiocrew.seeing.check.parsing import ParseError, parse
from aiocrew.seeing.check.serializers import locked_kickoffs, patched_loops, threads_for_kickoffs

__all__ = ["check_text", "unreadable"]

_CHECKS: tuple[Callable[[Module], Iterator[Found]], ...] = (
    blocking_calls,
    unawaited_coroutines,
    runs_in_turn,
    locked_kickoffs,
    threads_for_kickoffs,
    patched_loops,
    gathers_without_isolation,
)


def check_text(source: str, path: str) -> list[Finding]:
    """Return what is wrong in `source`, sorted by place; `path` only stands in the findings.

    Comments that ignore a finding are heeded. Text that cannot be parsed is one finding, AIC001, unless it names
    nothing that has to do with crews.
    """
    if not may_use_crews(source):
        return []
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    try:
        module = read_module(parse(source))
        if not uses_crews(module):
            return []
        found = [finding for check in _CHECKS for finding in check(module)]
    except ParseError as error:
        return [unreadable(path, str(error), error.line, error.column)]
    except RecursionError:
        return [unreadable(path, "it is nested too deeply to be read")]
    return sorted(_heeding_comments(module, source, found, path))


def unreadable(path: str, reason: str, line: int = 1, column: int = 1) -> Finding:
    """Return the finding for a file that could not be checked."""
    message = f"this file was not checked: {reason}"
    instead = "Python source that this version of Python can parse"
    return Finding(path, line, column, "AIC001", message, instead, line, column)


def _heeding_comments(module: Module, source: str, found: Iterable[Found], path: str) -> Iterator[Finding]:
    ignored = ignored_lines(source)
    lines = source.split("\n")
    for one in found:
        statement = module.statement(one.node)
        places = {one.node.lineno, statement.lineno if statement is not None else one.node.lineno}
        codes = [ignored[line] for line in places if line in ignored]
        if not any(given is None or one.code in given for given in codes):
            yield _finding(one, lines, path)


def _finding(found: Found, lines: list[str], path: str) -> Finding:
    node = found.node
    end_line, end_offset = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return Finding(
        path=path,
        line=node.lineno,
        column=_column(lines[node.lineno - 1], node.col_offset),
        code=found.code,
        message=found.message,
        instead=found.instead,
        end_line=end_line,
        end_column=_column(lines[end_line - 1], end_offset),
    )


def _column(line: str, offset: int) -> int:
    """Return the column, from 1, of what Python's parser counts in bytes of UTF-8."""
    if line.isascii():
        return offset + 1
    return len(line.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")) + 1
