"""Finding a co-worker by whatever a model wrote. Pure."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiocrew.agent.coworkers import Coworker, coworker_named

LETTERS = st.characters(categories=("L", "N"))
ROLES = st.lists(
    st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=4).map(" ".join),
    min_size=1,
    max_size=6,
    unique=True,
)
CASES = (str, str.upper, str.lower, str.title, str.casefold, str.swapcase)
FRAMES = ('"{}"', "'{}'", "`{}`", "[{}]", "({})", "<{}>", "**{}**", " {}\n", "{}.", "- {}", "@{}", '["{}"]', "“{}”")
JOINTS = (" ", "  ", "_", "-", "\t", "", "\n", " / ")


def team(*roles: str) -> list[Coworker]:
    def plan() -> Any:
        raise AssertionError("nobody is planned to be found")

    return [Coworker(role, plan) for role in roles]


def found(roles: list[str], name: str) -> str | None:
    coworker = coworker_named(team(*roles), name)
    return None if coworker is None else coworker.role


@given(ROLES, st.data())
def test_a_role_as_it_is_written_is_always_found(roles: list[str], data: st.DataObject) -> None:
    role = data.draw(st.sampled_from(roles))
    assert found(roles, role) == role


@given(st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=4), st.data())
@example(["Yaz\u0131l\u0131m", "Uzman\u0131"], None)
@example(["Résumé", "Writer"], None)
@example(["Straße"], None)
def test_it_is_found_however_it_is_cased_spaced_quoted_or_bracketed(words: list[str], data: Any) -> None:
    role = " ".join(words)
    roles = [role, "quite somebody else's role, 7"]
    for case in CASES:
        for frame in FRAMES if data is None else [data.draw(st.sampled_from(FRAMES))]:
            joint = "_" if data is None else data.draw(st.sampled_from(JOINTS))
            assert found(roles, frame.format(case(joint.join(words)))) == role


@given(st.lists(st.text(max_size=20), max_size=5), st.text())
def test_it_never_raises_and_finds_only_who_is_there(roles: list[str], name: str) -> None:
    assert found(roles, name) in {*roles, None}


TEAM = ["Senior Data Researcher", "Researcher", "Report Writer", "Résumé Editor"]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Researcher", "Researcher"),
        ("senior data researcher", "Senior Data Researcher"),
        ("The Senior Data Researcher of our team", "Senior Data Researcher"),
        ("the researcher", "Researcher"),
        ("Writer", "Report Writer"),
        ("Reprot Writer", "Report Writer"),
        ("resume editor", "Résumé Editor"),
        ("Report Writer (who else?)", "Report Writer"),
        ("Report Writer or Researcher", None),
        ("R", None),
        ("Manager", None),
        ("", None),
        ("***", None),
    ],
)
def test_words_around_it_parts_and_slips_do_no_harm_where_one_role_fits(name: str, role: str | None) -> None:
    assert found(TEAM, name) == role


def test_where_there_is_one_co_worker_no_name_is_needed() -> None:
    assert found(["Writer"], "") == "Writer"
    assert found(["Writer"], "Reader") is None
    assert found([], "") is None


def test_a_role_of_signs_alone_is_found_as_it_is_written_and_taken_for_no_other() -> None:
    assert found(["🐝", "Writer"], "🐝") == "🐝"
    assert found(["🐝", "Writer"], "Editor") is None


def test_of_two_with_one_role_the_first_is_meant() -> None:
    first, second = team("Writer", "writer")
    assert coworker_named([first, second], "WRITER") is first
    assert coworker_named([first, second], "writer") is second
