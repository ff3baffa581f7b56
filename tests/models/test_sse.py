"""The event-stream parser, against the standard's rules and every way to cut the bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.models.sse import EventParser, ServerEvent


def parsed(*pieces: bytes) -> list[ServerEvent]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)] + parser.finish()


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [ServerEvent("a"), ServerEvent("b")]),
        (b"data: one\ndata: two\n\n", [ServerEvent("one\ntwo")]),
        (b"data\n\ndata\ndata\n\n", [ServerEvent(""), ServerEvent("\n")]),
        (b": comment\n\ndata:no space\n\n", [ServerEvent("no space")]),
        (b"data:  two spaces\n\n", [ServerEvent(" two spaces")]),
        (b"event: error\ndata: x\n\ndata: y\n\n", [ServerEvent("x", "error"), ServerEvent("y")]),
        (b"event: lost\n\ndata: y\n\n", [ServerEvent("y")]),
        (b"id: 7\ndata: x\n\nid: a\0b\ndata: y\n\n", [ServerEvent("x", id="7"), ServerEvent("y", id="7")]),
        (b"\xef\xbb\xbfdata: bom\n\n", [ServerEvent("bom")]),
        (b"data: \xef\xbb\xbfinside\n\n", [ServerEvent("\ufeffinside")]),
        (
            b"data: cr\r\rdata: crlf\r\n\r\ndata: mix\r\n\n",
            [ServerEvent("cr"), ServerEvent("crlf"), ServerEvent("mix")],
        ),
        (b"retry: 10\nunknown: x\ndata: x\n\n", [ServerEvent("x")]),
        (b"data: no blank line", [ServerEvent("no blank line")]),
        (b"data: broken \xff\n\n", [ServerEvent("broken \ufffd")]),
        (b"\n\r\n\r", []),
    ],
)
def test_each_rule_of_the_standard(stream: bytes, events: list[ServerEvent]) -> None:
    assert parsed(stream) == events


LINE = st.sampled_from(
    [b"data: x", b"data: \xc3\xa9\xf0\x9f\x98\x80", b"data", b": c", b"event: e", b"id: 1", b"", b"", b""]
)
END = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAM = st.lists(st.tuples(LINE, END).map(b"".join)).map(b"".join)


@given(st.booleans(), STREAM | st.binary(), st.lists(st.integers(0, 10_000)))
def test_where_the_bytes_are_cut_makes_no_difference(bom: bool, stream: bytes, cuts: list[int]) -> None:
    stream = b"\xef\xbb\xbf" * bom + stream
    assert parsed(*pieces_of(stream, cuts)) == parsed(stream) == parsed(*[bytes([byte]) for byte in stream])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")), min_size=1), END)
def test_what_is_written_is_read(lines: list[str], end: bytes) -> None:
    stream = b"".join(b"data: " + line.encode() + end for line in lines) + end
    assert parsed(stream) == [ServerEvent("\n".join(lines))]
