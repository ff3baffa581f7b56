from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocrew.errors import BlueprintError
from aiocrew.project.yaml_text import parse_yaml

NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126))
few = settings(max_examples=40)  # PyYAML takes its time


def mappings(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    scalars = st.none() | st.booleans() | NUMBERS | texts
    values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=6)
    return st.dictionaries(texts, values, max_size=4)


def parsed(text: str) -> Any:
    return parse_yaml(text, "a.yaml").values


def refused(text: str) -> str:
    with pytest.raises(BlueprintError) as caught:
        parse_yaml(text, "a.yaml")
    return str(caught.value)


class _Quoting(yaml.SafeDumper):
    """Quotes every text, because what is plain for YAML 1.1 may be a number for YAML 1.2."""


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@few
@given(mappings(st.text()))
def test_a_mapping_survives_a_file(mapping: dict[str, Any]) -> None:
    assert parsed(yaml.dump(mapping, Dumper=_Quoting, allow_unicode=True)) == mapping


@few
@given(mappings(ASCII))
def test_json_is_yaml(mapping: dict[str, Any]) -> None:
    assert parsed(json.dumps(mapping)) == mapping


@given(st.text("ab:- \n{}[]&*#'\"!|>%@`,?\t"))
def test_any_text_is_parsed_or_refused_by_name(text: str) -> None:
    message = "a.yaml:"
    try:
        parse_yaml(text, "a.yaml")
    except BlueprintError as error:
        message = str(error)
    assert message.startswith("a.yaml:")


def test_placeholders_and_booleans_stay_as_meant() -> None:
    text = "a:\n  role: >\n    {topic} analyst\n  goal: yes\n  verbose: true\n  cache: FALSE\n  backstory: '{topic}'\n"
    assert parsed(text) == {
        "a": {"role": "{topic} analyst\n", "goal": "yes", "verbose": True, "cache": False, "backstory": "{topic}"}
    }


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "~\n"])
def test_an_empty_file_has_no_entries(text: str) -> None:
    assert parsed(text) == {}


def test_the_lines_of_keys_and_items_are_known() -> None:
    lines = parse_yaml("a:\n  b: 1\n  c:\n    - x\n    - y\nd: 2\n", "a.yaml").places.lines
    assert lines == {("a",): 1, ("a", "b"): 2, ("a", "c"): 3, ("a", "c", 0): 4, ("a", "c", 1): 5, ("d",): 6}


def test_anchors_merge_and_own_keys_win() -> None:
    text = (
        "base: &base {llm: m, cache: true}\nmore: &more {llm: n, goal: g}\na:\n  <<: [*base, *more]\n  cache: false\n"
    )
    assert parsed(text)["a"] == {"llm": "m", "goal": "g", "cache": False}


def test_a_key_that_comes_twice_is_refused_with_both_lines() -> None:
    assert refused("a:\n  role: x\n  goal: y\n  role: z\n") == (
        "a.yaml:4: 'a.role': this key stands in line 2 already; a key may come once"
    )


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.getcwd", "!mine", "!!set", "!!binary"])
def test_no_tag_makes_an_object(tag: str) -> None:
    message = refused(f"a:\n  role: {tag} {{}}\n")
    assert message.startswith("a.yaml:2: 'a.role': the tag ")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a:\n  role: an analyst: the best\n", "a.yaml:2: 'role': this is no YAML: mapping values"),
        ("a:\n  role: {topic} analyst\n  goal: x\n", "a.yaml:2: 'role': this is no YAML: "),
        ("a:\n\trole: x\n", "a.yaml:2: "),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: "),
        ("a:\n  b: *nowhere\n", "a.yaml:2: 'b': this is no YAML: found undefined alias"),
        ("a: x\nb: \x07\n", "a.yaml:2: a character that YAML does not allow"),
        ("- a\n- b\n", "a.yaml:1: the file must hold a mapping"),
        ("a:\n  1: x\n", "a.yaml:2: 'a': a key that is no text"),
        ("a:\n  b: &b\n    - *b\n", "a.yaml:2: 'a.b[0]': an anchor that holds itself"),
        ("a: &a\n  <<: *a\n", "a.yaml:1: 'a.<<': an anchor that holds itself"),
        ("a:\n  n: " + "9" * 5000, "a.yaml:2: 'a.n': "),
    ],
)
def test_an_error_names_file_line_and_key(text: str, start: str) -> None:
    assert refused(text).startswith(start)


def test_a_text_that_begins_with_a_brace_is_explained() -> None:
    assert "a text that begins with '{' needs quotes" in refused("a:\n  role: {topic} analyst\n")


def test_nesting_without_end_is_refused() -> None:
    assert refused("a: " + "[" * 1000).startswith("a.yaml: its values are nested too deeply")


def test_aliases_of_aliases_cost_no_more_than_their_text() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    assert len(parsed("\n".join(lines))) == 40
    merged = ["m0: &m0 {k: v}"] + [f"m{n}: &m{n}\n  <<: [*m{n - 1}, *m{n - 1}]" for n in range(1, 60)]
    assert parsed("\n".join(merged))["m59"] == {"k": "v"}
