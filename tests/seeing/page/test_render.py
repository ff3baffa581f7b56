"""The file itself: its policy, what it loads, how it is written."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from aiocrew.errors import BlueprintError
from aiocrew.seeing.page import render_page, save_page
from tests.seeing.page.scenes import many_runs, one_call


def policy_of(page: str) -> dict[str, str]:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    return dict(part.split(" ", 1) for part in html.unescape(found[1]).split("; "))


def test_the_policy_allows_the_pages_own_script_and_style_by_hash_and_nothing_else() -> None:
    page = render_page(many_runs(2))
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (script_hash,), (style_hash,) = (
        [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]
        for texts in (script, style)
    )
    assert policy_of(page) == {
        "default-src": "'none'",
        "script-src": script_hash,
        "style-src": style_hash,
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_names_no_other_address_and_writes_no_markup() -> None:
    page = render_page([])
    assert re.findall(r"https?://", page) == []
    assert [
        word
        for word in ("innerHTML", "outerHTML", "document.write", "eval(", "new Function", ' style="')
        if word in page
    ] == []


@pytest.mark.parametrize(
    ("live", "source"),
    [
        ("/events", "'self'"),
        ("events?run=1", "'self'"),
        ("http://127.0.0.1:8000/runs/7/events?after=3", "http://127.0.0.1:8000/runs/7/events"),
        ("https://example.org", "https://example.org/"),
        ("//example.org/events", "example.org/events"),
    ],
)
def test_the_page_may_connect_to_its_stream_only(live: str, source: str) -> None:
    page = render_page([], live=live)
    assert policy_of(page)["connect-src"] == source
    assert "connect-src" not in policy_of(render_page([]))


@pytest.mark.parametrize(
    "live",
    [
        "",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "\x01javascript:alert(1)",
        "/a; script-src *",
        "http://a b/",
        "/a,b",
        "/half\ud800",
        "/\u00fc",
        "http:example.org",
        "http://[::1/events",
        "http://[::1]:8000/events",
        "http://*/events",
        "https://name:password@example.org/events",
    ],
)
def test_what_is_no_address_of_a_stream_is_refused(live: str) -> None:
    with pytest.raises(BlueprintError, match="live="):
        render_page([], live=live)


def test_nothing_that_runs_say_can_end_the_element_that_holds_it() -> None:
    said = "</script><!--<script> \u2028 & {{script}} {{data}}"
    page = render_page(one_call(said, said), title=said)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert not set("<>&\u2028\u2029") & set(data)
    assert said in json.loads(data)["packed"]["texts"]
    assert page.count("<script") == 2


def test_half_a_surrogate_pair_in_the_title_harms_nothing() -> None:
    assert "half ?" in render_page([], title="half \ud800")


def test_saving_replaces_the_file_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "lanes.html"
    target.write_text("old", encoding="utf-8")
    save_page(target, many_runs(1))
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert os.listdir(tmp_path) == ["lanes.html"]


def test_saving_to_a_link_replaces_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real.html").write_text("old", encoding="utf-8")
    (tmp_path / "link.html").symlink_to("real.html")
    save_page(tmp_path / "link.html", [])
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_saving_to_a_pipe_writes_into_it_and_leaves_it_one(tmp_path: Path) -> None:
    pipe = tmp_path / "lanes.pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    save_page(pipe, [])
    assert pipe.is_fifo()
    reader.join()
    assert read[0].startswith("<!doctype html>")


def test_saving_where_nothing_can_be_written_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "lanes.html").mkdir()
    with pytest.raises(OSError, match=r"lanes\.html"):
        save_page(tmp_path / "lanes.html", [])
    assert os.listdir(tmp_path) == ["lanes.html"]
