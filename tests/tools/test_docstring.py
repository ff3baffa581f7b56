from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.tools.docstring import parse_docstring

GOOGLE = """Look something up.

    Takes its time.

    Args:
        query (str): What to look for,
            in a few words.
        limit: How many.
        **options: Anything else: even this.

    Returns:
        What was found.
    """

NUMPY = """Look something up.

    Parameters
    ----------
    query : str
        What to look for,
        in a few words.
    limit, most : int, optional
        How many.

    Returns
    -------
    str
        What was found.
    """

REST = """Look something up.

    :param str query: What to look for,
        in a few words.
    :param limit: How many.
    :type limit: int
    :returns: What was found.
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, REST])
def test_each_style_gives_parameters_and_keeps_the_rest(doc: str) -> None:
    parsed = parse_docstring(doc)
    assert parsed.parameters["query"] == "What to look for, in a few words."
    assert parsed.parameters["limit"] == "How many."
    assert parsed.text.startswith("Look something up.")
    assert "What was found." in parsed.text
    assert "few words" not in parsed.text


def test_names_with_stars_and_shared_descriptions() -> None:
    assert parse_docstring(GOOGLE).parameters["options"] == "Anything else: even this."
    assert parse_docstring(NUMPY).parameters["most"] == "How many."


@pytest.mark.parametrize(
    "doc",
    [
        "Args:",
        "Do it.\n\nArgs:\n    see the handbook\n",
        "Parameters\n----------",
        "Example: a thing\nNote: another",
        "",
    ],
)
def test_what_only_looks_like_a_section_stays_text(doc: str) -> None:
    parsed = parse_docstring(doc)
    assert parsed.parameters == {}
    assert parsed.text == doc.strip()


def test_no_docstring() -> None:
    assert parse_docstring(None).text == ""


@given(
    st.lists(
        st.sampled_from(["Args:", "  a: b", "    more", "Parameters", "-----", ":param x: y", ":type x: z", "", "text"])
        | st.text(max_size=20)
    )
)
def test_any_text_is_read(lines: list[str]) -> None:
    parsed = parse_docstring("\n".join(lines))
    assert all(name.isidentifier() or name.isalnum() for name in parsed.parameters)
    assert all("\n" not in text for text in parsed.parameters.values())
