"""From the text of a YAML file to plain values and the lines of their keys. Loads PyYAML: import it when needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn, cast

import yaml
from yaml.error import Mark, MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from aiocrew.errors import BlueprintError
from aiocrew.project.core_schema import plain_value, tagged_value
from aiocrew.project.places import KeyPath, Loaded, Places

__all__ = ["parse_yaml"]

_PLAIN = "aiocrew:plain"
"""The tag of a scalar that has neither quotes nor a tag."""
_STANDARD = "tag:yaml.org,2002:"
_SCALARS = frozenset({"str", "null", "bool", "int", "float"})
_LOCATED_DEPTH = 3
"""Entry, key, item: deeper keys are located by these."""
_KEY = re.compile(r"\s*(?:- )?['\"]?([^\s'\"#:][^'\"#:]*?)['\"]?\s*:(?:\s|$)")
_STARTS_WITH_BRACE = re.compile(r"[^#]*?:\s+\{")


@lru_cache(maxsize=256)
def parse_yaml(text: str, source: str) -> Loaded:
    """Return the mapping that the YAML `text` is: plain values only, scalars as in YAML 1.2; {} where there are none.

    `<<: *anchor` merges. What is returned is shared between calls: copy before changing it. Raises BlueprintError,
    which names `source`, line and key, for what is no YAML, for a key that comes twice or is no text, for a tag that
    would make an object, for an anchor that holds itself, and where the whole is no mapping.
    """
    try:
        root = _composed(text)
        if root is None:
            return Loaded({}, Places(source, {}))
        reading = _Reading(source)
        values = reading.value(root, ())
    except MarkedYAMLError as error:
        raise BlueprintError(_syntax(error, text, source)) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BlueprintError(f"{source}:{line}: a character that YAML does not allow: {error.reason}") from error
    except YAMLError as error:
        raise BlueprintError(f"{source}: this is no YAML: {error}") from error
    except RecursionError as error:
        raise BlueprintError(f"{source}: its values are nested too deeply") from error
    if values is None:  # `---` alone, or a null
        return Loaded({}, Places(source, {}))
    if not isinstance(values, dict):
        raise BlueprintError(f"{source}:{_line(root)}: the file must hold a mapping of names, such as 'researcher:'")
    return Loaded(cast("dict[str, Any]", values), Places(source, reading.lines_below(root)))


class _Loader(yaml.SafeLoader):
    """Composes nodes, whose scalars it leaves as they are written."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        return _PLAIN if kind is ScalarNode and implicit[0] else f"{_STANDARD}{_DEFAULTS[kind]}"


_DEFAULTS: dict[type[Node], str] = {ScalarNode: "str", SequenceNode: "seq", MappingNode: "map"}


def _composed(text: str) -> Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        cast("Any", loader).dispose()  # lets go of the text


class _Reading:
    """Makes values of the nodes of one text; a node that aliases repeat is made once."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._values: dict[int, Any] = {}
        self._pairs: dict[int, dict[str, tuple[Node, Node]]] = {}
        self._under_way: set[int] = set()

    def value(self, node: Node, path: KeyPath) -> Any:
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) not in self._values:
            self._values[id(node)] = self._collection(node, path)
        return self._values[id(node)]

    def lines_below(self, node: Node) -> dict[KeyPath, int]:
        """Return the lines of the keys and items below `node`."""
        return dict(self._lines(node, ()))

    def _collection(self, node: Node, path: KeyPath) -> Any:
        if id(node) in self._under_way:
            self._refuse(node, path, "an anchor that holds itself")
        self._under_way.add(id(node))
        if isinstance(node, SequenceNode):
            self._check_tag(node, path, "seq")
            made: Any = [self.value(item, (*path, number)) for number, item in enumerate(_items(node))]
        else:
            assert isinstance(node, MappingNode)
            self._check_tag(node, path, "map")
            pairs = self._pairs_of(node, path)
            made = {key: self.value(value, (*path, key)) for key, (_, value) in pairs.items()}
        self._under_way.discard(id(node))
        return made

    def _pairs_of(self, node: MappingNode, path: KeyPath) -> dict[str, tuple[Node, Node]]:
        """Return the key's and the value's node by key: the mapping's own keys, then those that it merges."""
        if id(node) in self._pairs:
            return self._pairs[id(node)]
        own: dict[str, tuple[Node, Node]] = {}
        merged: dict[str, tuple[Node, Node]] = {}
        for key_node, value_node in cast("list[tuple[Node, Node]]", node.value):
            if key_node.tag == _PLAIN and key_node.value == "<<":
                for other in self._merged(value_node, path):
                    merged = {**other, **merged}  # of several the first counts
                continue
            key = self._key(key_node, path)
            if key in own:
                first = _line(own[key][0])
                self._refuse(key_node, (*path, key), f"this key stands in line {first} already; a key may come once")
            own[key] = (key_node, value_node)
        self._pairs[id(node)] = {**merged, **own}
        return self._pairs[id(node)]

    def _merged(self, node: Node, path: KeyPath) -> Iterator[dict[str, tuple[Node, Node]]]:
        for each in _items(node) if isinstance(node, SequenceNode) else [node]:
            if not isinstance(each, MappingNode):
                self._refuse(each, (*path, "<<"), "'<<' merges mappings, and this is none")
            if id(each) in self._under_way:
                self._refuse(each, (*path, "<<"), "an anchor that holds itself")
            self._under_way.add(id(each))
            yield self._pairs_of(each, path)
            self._under_way.discard(id(each))

    def _key(self, node: Node, path: KeyPath) -> str:
        key = self._scalar(node, path) if isinstance(node, ScalarNode) else None
        if not isinstance(key, str):
            self._refuse(node, path, "a key that is no text: put it in quotes")
        return key

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        try:
            if node.tag == _PLAIN:
                return plain_value(node.value)
            short = node.tag.removeprefix(_STANDARD)
            if short in _SCALARS:
                return tagged_value(short, node.value)
        except ValueError as error:
            self._refuse(node, path, str(error))
        self._refuse_tag(node, path)

    def _check_tag(self, node: Node, path: KeyPath, expected: str) -> None:
        if node.tag != f"{_STANDARD}{expected}":
            self._refuse_tag(node, path)

    def _refuse_tag(self, node: Node, path: KeyPath) -> NoReturn:
        self._refuse(node, path, f"the tag {node.tag!r} would make an object; only plain values may stand here")

    def _refuse(self, node: Node, path: KeyPath, why: str) -> NoReturn:
        place = Places(self._source, {path: _line(node)})
        raise BlueprintError(f"{place.of(path) if path else place.source + f':{_line(node)}'}: {why}")

    def _lines(self, node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        if len(path) == _LOCATED_DEPTH:
            return
        if isinstance(node, SequenceNode):
            for number, item in enumerate(_items(node)):
                yield (*path, number), _line(item)
        elif isinstance(node, MappingNode):
            for key, (key_node, value) in self._pairs_of(node, path).items():
                yield (*path, key), _line(key_node)
                yield from self._lines(value, (*path, key))


def _items(node: SequenceNode) -> list[Node]:
    return cast("list[Node]", node.value)


def _line(node: Node) -> int:
    return cast("Mark", node.start_mark).line + 1


def _syntax(error: MarkedYAMLError, text: str, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()[:line]
    key = next((match[1] for line_text in reversed(lines) if (match := _KEY.match(line_text))), None)
    where = f"{source}:{line}: " + (f"'{key}': " if key else "")
    brace = bool(lines) and any(_STARTS_WITH_BRACE.match(line_text) for line_text in lines[-2:])
    hint = "; a text that begins with '{' needs quotes, or a line of its own below '>'" if brace else ""
    said = ", ".join(part for part in (error.problem, error.context) if part)
    return f"{where}this is no YAML: {said}{hint}"
