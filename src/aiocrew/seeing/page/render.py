"""The page's HTML, out of events: one file that loads nothing and sends nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import cast
from urllib.parse import SplitResult, urlsplit

import msgspec

from aiocrew.errors import BlueprintError
from aiocrew.seeing.page.packing import Packed, pack_events
from aiocrew.seeing.report import OverlapReport
from aiocrew.types.events import Event
from aiocrew.version import __version__

__all__ = ["render_page", "save_page"]

_SCRIPTS = "text model events keep layout brush paint overlay search details stretch view walk tip app input hash page"
"""lanes_*.js, in this order: together they are the one script of the page."""
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_ADDRESS = re.compile(r"""[^\0- "',;<>\\\x7f-\U0010ffff]+""")
_HOST = re.compile(r"[\w.-]+(:\d{1,5})?", re.ASCII)
_ESCAPED = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    """What the script finds in the page."""

    title: str
    live: str | None
    report: OverlapReport | None
    packed: Packed


def render_page(
    events: Iterable[Event],
    report: OverlapReport | None = None,
    *,
    title: str = "aiocrew lanes",
    live: str | None = None,
) -> str:
    """Return a page that shows `events`, with the figures and culprits of `report`.

    live: the address, whole or relative to the page, of a stream of further events (server-sent; the data of each is
    what `event_json` gives). The page may connect to that address and to nothing else; where it is relative, to its own
    server; where it ends with a slash, to what lies below it.
    Raises BlueprintError when `live` is no address of http or https, or one that a policy cannot name.
    """
    script, style = _script(), _asset("lanes.css")
    data = _Data(title=title, live=live, report=report, packed=pack_events(events))
    slots = {
        "title": html.escape(_without_surrogates(title)),
        "version": html.escape(__version__),
        "policy": html.escape(_policy(script, style, live)),
        "style": style,
        "data": _embedded(data),
        "script": script,
    }
    # One pass over the template: what is filled in is never looked at again.
    return _SLOT.sub(lambda slot: slots[slot[1]], _asset("lanes.html"))


def save_page(
    path: str | os.PathLike[str],
    events: Iterable[Event],
    report: OverlapReport | None = None,
    *,
    title: str = "aiocrew lanes",
    live: str | None = None,
) -> None:
    """Write the page to `path`, whole or not at all; what stood there before is replaced. Raises OSError.

    A pipe or a device stays one, and is written to.
    """
    page = render_page(events, report, title=title, live=live)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(page)
        return
    target = os.path.realpath(path)  # a link stays one, and what it leads to is replaced
    draft = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.tmp")
    try:
        with open(draft, "x", encoding="utf-8", newline="\n") as file:
            file.write(page)
        os.replace(draft, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


def _policy(script: str, style: str, live: str | None) -> str:
    """Return the content-security policy under which the page's own script and style work, and nothing else does."""
    allowed = {
        "default-src": "'none'",
        "script-src": _hash_of(script),
        "style-src": _hash_of(style),
        "img-src": "data:",  # its empty icon: without one, browsers ask the server for /favicon.ico
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    if live is not None:
        allowed["connect-src"] = _source_of(live)
    return "; ".join(f"{name} {source}" for name, source in allowed.items())


def _source_of(live: str) -> str:
    """Return the source expression that allows the address `live`."""
    address = _split(live)
    if address is None or not _ADDRESS.fullmatch(live) or (address.scheme and not address.netloc):
        raise BlueprintError(
            f"live={live!r} must be an address of http or https, whole or relative to the page, in ASCII (the rest as "
            "%..), without quotes, blanks, commas, semicolons and backslashes"
        )
    if not address.netloc:
        return "'self'"
    if not _HOST.fullmatch(address.netloc):
        raise BlueprintError(
            f"live={live!r} must name its server as host or host:port, without a password: a content-security policy "
            "has no words for IPv6 addresses and the like. Or give an address relative to the page's own server"
        )
    # A policy names scheme, host and path; queries have no place in one.
    scheme = f"{address.scheme}://" if address.scheme else ""
    return f"{scheme}{address.netloc}{address.path or '/'}"


def _split(live: str) -> SplitResult | None:
    """Return the parts of an address of http or https, or of a relative one; None for any other text."""
    try:
        address = urlsplit(live)
    except ValueError:  # brackets that hold no address
        return None
    return address if address.scheme in {"", "http", "https"} else None


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(data: _Data) -> str:
    """Return `data` as JSON in which nothing can end the element that holds it."""
    try:
        text = msgspec.json.encode(data).decode()
    except UnicodeEncodeError:  # half a surrogate pair in a title, or in a file's name
        plain = msgspec.to_builtins(data)
        text = msgspec.json.encode(_mended(plain)).decode()
    return text.translate(_ESCAPED)


def _mended(value: object) -> object:
    match value:
        case str():
            return _without_surrogates(value)
        case list() | tuple():
            return [_mended(item) for item in cast("Sequence[object]", value)]
        case dict():
            return {key: _mended(item) for key, item in cast("dict[str, object]", value).items()}
        case _:
            return value


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@cache
def _asset(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    parts = "\n".join(_asset(f"lanes_{part}.js") for part in _SCRIPTS.split())
    return f'"use strict";\n(() => {{\n{parts}}})();\n'
