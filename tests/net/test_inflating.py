from __future__ import annotations

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.net.inflating import Inflater

TEXT = b"The quick brown fox. " * 50


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    ("gzip", "one"): gzip.compress(TEXT),
    ("x-gzip", "one"): gzip.compress(TEXT),
    ("GZIP ", "several"): gzip.compress(TEXT[:30]) + gzip.compress(TEXT[30:]),
    ("gzip", "filled up"): gzip.compress(TEXT) + b"\0" * 50,
    ("gzip", "and more"): gzip.compress(TEXT) + b"\x1f\x8band more",
    ("deflate", "and more"): zlib.compress(TEXT) + b"and more",
    ("deflate", "zlib"): zlib.compress(TEXT),
    ("deflate", "raw"): raw_deflate(TEXT),
    ("identity", ""): TEXT,
    ("", ""): TEXT,
}


@pytest.mark.parametrize(("encoding", "kind"), PACKED)
@given(size=st.integers(1, 200), room=st.integers(0, len(TEXT) + 1))
def test_however_it_is_cut_the_same_comes_out_and_never_more_than_there_is_room(
    encoding: str, kind: str, size: int, room: int
) -> None:
    packed, inflater, out = PACKED[encoding, kind], Inflater(encoding), b""
    for start in range(0, len(packed), size):
        out += inflater.feed(packed[start : start + size], room - len(out))
        assert len(out) <= room
    assert out == TEXT[:room]


def test_a_bomb_gives_no_more_than_there_is_room() -> None:
    assert len(Inflater("gzip").feed(gzip.compress(bytes(50_000_000)), 1_000)) == 1_000


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_what_was_not_asked_for_is_an_error(encoding: str) -> None:
    with pytest.raises(ValueError, match="compressed as"):
        Inflater(encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@given(data=st.binary(min_size=1, max_size=50))
def test_what_is_not_compressed_is_an_error_or_something_short(encoding: str, data: bytes) -> None:
    with suppress(ValueError):
        assert len(Inflater(encoding).feed(data, 100)) <= 100
