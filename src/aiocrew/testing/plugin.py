"""The pytest plugin: virtual time, scripted models and cassettes as fixtures, and no requests to real models."""

# It loads in every run of pytest where aiocrew is installed: what takes a while to load is imported when it is used.

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, nullcontext
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

import pytest

if TYPE_CHECKING:
    from aiocrew.testing.cassettes import Cassette, Mode
    from aiocrew.testing.forbidding import Forbidding
    from aiocrew.testing.models import ScriptedModel

__all__ = ["cassette", "scripted_model", "virtual_time"]

pytest_plugins = ("aiocrew.testing.overlap",)

_RECORD, _FORBID, _ALLOW, _VIRTUAL = (
    "--aiocrew-record",
    "aiocrew_forbid_model_requests",
    "aiocrew_allow_model_requests",
    "virtual_time",
)
_MARKERS = (
    f"{_ALLOW}: the test may ask real models, although {_FORBID} is set",
    f"{_VIRTUAL}(seed=0): run the async test on virtual time",
)
_function = pytest.StashKey[Callable[..., Any]]()
"""The test's function as it is before other plugins make a plain one of it."""
_opened = pytest.StashKey[ExitStack]()
"""The test's cassette, to be closed with the outcome of its call."""
_forbidding: pytest.StashKey[Forbidding] = pytest.StashKey()
"""What lets no request of the test out."""


class _NotCalled(Exception):
    """The test did not come to its call."""


class _VirtualSeconds:
    """What the fixture gives: by its class it is told from whatever else a suite calls virtual_time."""

    def __call__(self) -> float:
        import asyncio

        return asyncio.get_running_loop().time()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aiocrew", "crews of AI agents")
    group.addoption(
        _RECORD,
        choices=("none", "once", "all"),
        default="none",
        help="cassettes: none replays only (the default), once records those that are not there, all records anew",
    )
    parser.addini(_FORBID, "let every request to a real model fail its test", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not item.config.getini(_FORBID) or item.get_closest_marker(_ALLOW):
        return (yield)
    from aiocrew.testing.forbidding import forbid_model_requests

    with forbid_model_requests(f"{_FORBID} is set (a test may have the marker {_ALLOW})") as forbidding:
        item.stash[_forbidding] = forbidding
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    if isinstance(item, pytest.Function):
        item.stash[_function] = item.obj
    with item.stash.get(_opened, nullcontext()):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    marker = pyfuncitem.get_closest_marker(_VIRTUAL)
    if marker is None and not isinstance(pyfuncitem.funcargs.get(_VIRTUAL), _VirtualSeconds):
        return None
    test = pyfuncitem.stash[_function]
    if not inspect.iscoroutinefunction(test):
        pytest.fail(f"{pyfuncitem.nodeid}: virtual time is for `async def` tests", pytrace=False)
    from aiocrew.testing.virtual_runs import run_virtual

    given = {name: value for name, value in pyfuncitem.funcargs.items() if name in inspect.signature(test).parameters}
    run_virtual(lambda: test(**given), seed=0 if marker is None else _seed(marker, pyfuncitem))
    return True


def _seed(marker: pytest.Mark, test: pytest.Function) -> int:
    try:
        seed = _named_seed(*marker.args, **marker.kwargs)
    except TypeError:
        seed = None
    if not isinstance(seed, int):
        pytest.fail(f"{test.nodeid}: the marker is {_VIRTUAL}, or {_VIRTUAL}(seed=1)", pytrace=False)
    return seed


def _named_seed(seed: object = 0) -> object:
    return seed


@pytest.fixture
def virtual_time() -> Callable[[], float]:
    """Run the async test on virtual time; the fixture gives the seconds that have passed."""
    return _VirtualSeconds()


@pytest.fixture
def scripted_model() -> type[ScriptedModel]:
    """Give ScriptedModel: `scripted_model("first answer", "second answer")`."""
    from aiocrew.testing.models import ScriptedModel

    return ScriptedModel


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Generator[Cassette]:
    """Replay the test's runs from `cassettes/<module>/<test>.json` beside its file, or record them there.

    What is recorded is written when the test passed.
    """
    from aiocrew.testing.cassettes import cassette

    test: pytest.Function = request.node
    stack = test.stash[_opened] = ExitStack()
    mode = cast("Mode", test.config.getoption(_RECORD))
    used = stack.enter_context(cassette(_path_of(test), mode))
    if not used.replays and _forbidding in test.stash:
        test.stash[_forbidding].lift()
    function: Callable[..., Any] = test.obj
    if inspect.iscoroutinefunction(function):
        # Whoever runs it may do so in a context that it made before.
        @wraps(function)
        async def playing(**given: Any) -> Any:
            with used.playing():
                return await function(**given)

        test.obj = playing
    yield used
    test.obj = function
    stack.__exit__(_NotCalled, _NotCalled(), None)


def _path_of(test: pytest.Function) -> Path:
    parts = test.nodeid.partition("::")[2]
    name = re.sub(r"[^\w.-]+", "_", parts).strip("_")
    if name != parts.replace("::", "_"):  # others may come to the same name
        name += f"-{crc32(parts.encode()):08x}"
    return test.path.parent / "cassettes" / test.path.stem / f"{name}.json"
