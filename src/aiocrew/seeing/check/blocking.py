"""Calls in async functions that stop the event loop, and with it every crew on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aiocrew.seeing.check.finding import Found
from aiocrew.seeing.check.functions import Block, Functions, how_it_blocks, is_awaited
from aiocrew.seeing.check.module import Module
from aiocrew.seeing.check.roles import roles_of

__all__ = ["blocking_calls"]


def blocking_calls(module: Module) -> Iterator[Found]:
    """Give what stops the loop in the async functions of `module`: directly, or in a plain function called there."""
    roles = roles_of(module)
    plain = Functions(module)
    for call in module.calls:
        function = call.scope.node
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        role = roles.get(function, "")
        block = how_it_blocks(module, call)
        if block is not None:
            if block.code != "AIC205" or role:
                yield Found(call.node, block.code, _message(block, role), block.instead)
            continue
        through = plain.called(call.node.func, call.scope)
        inner = plain.block(through) if through is not None else None
        if inner is not None and not is_awaited(module, call.node) and (inner.code != "AIC205" or role):
            name = ast.unparse(call.node.func)
            message = f"{name}() stops the event loop: in line {inner.node.lineno} it calls {inner.what}"
            yield Found(call.node, inner.code, message, _instead_of_calling(name, inner))


def _instead_of_calling(name: str, inner: Block) -> str:
    if inner.is_of_run:
        return f"make {name} an async function, in which line {inner.node.lineno} is: {inner.instead}"
    return f"await asyncio.to_thread({name}, ...)"


def _message(block: Block, role: str) -> str:
    where = f"async {role}" if role else "async def"
    if block.code == "AIC104":
        return f"{block.what} inside {where} fails: this thread runs an event loop already"
    return f"{block.what} inside {where} stops the event loop, and every crew on it"
