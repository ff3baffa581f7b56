from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.net.page import Page, PageError
from aiocrew.tools.library.page_encoding import decoded
from aiocrew.tools.library.page_text import readable_text


def read(body: str | bytes, content_type: str = "text/html; charset=utf-8", *, truncated: bool = False) -> str:
    data = body if isinstance(body, bytes) else body.encode()
    return readable_text(Page("https://example.com/a?key=secret", 200, content_type, data, truncated))


PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>A &amp; B
 </title><style>p { color: red }</style><script>if (a < b) { document.write("<p>no</p>") }</script></head>
<body><!-- not this <p> -->
<header><nav><a href="/">Home</a> <a href="/x">About</a></nav></header>
<h1>The   <em>head</em>ing</h1>
<p>One&nbsp;paragraph, caf&eacute; &#8364;5 &lt;tag&gt;<br/>and a second line.</p><p>Another.
<ul><li>first<li><p>second</p><li></ul>
<table><tr><th>Name<th>Age</tr><tr><td>Ann</td><td>7</td></tr><tr><td> </td><td></td></tr></table>
<pre>
def f():
    return 1
</pre>
<noscript>Switch it on!</noscript><template><p>later</p></template><svg><title>icon</title><text>S</text></svg>
<iframe src="x">old browser</iframe><textarea>typed</textarea>
<div>end</div></body></html>"""

TEXT = """A & B

Home About

# The heading

One paragraph, café €5 <tag>
and a second line.

Another.

- first

- second

Name | Age
Ann | 7

def f():
    return 1

end"""


def test_a_page_as_text() -> None:
    assert read(PAGE) == TEXT


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<p>b</div></p></p>c", "a\n\nb\n\nc"),
        ("a < b and c > d & e", "a < b and c > d & e"),
        ("text<a href='unfinished", "text"),
        ('<a title="x > y">in</a>', "in"),
        ("<a title=it's>in</a> the <b>page's</b> text", "in the page's text"),
        ("<a title='never closed>in</a>", "in"),
        ("<P>One</P><SCRIPT>no</sCRIPT >two", "One\n\ntwo"),
        ("a<script>no", "a"),
        ("a<noscript>shown, as it is never closed", "ashown, as it is never closed"),
        ("<svg/>after<svg>", "after"),
        ("<title>never closed<p>text", "never closed\n\ntext"),
        ("a<!-- never closed <p>b", "a"),
        ("a<!-->b<!--->c<!-- x --!>d", "abcd"),
        ("a<![hello]>b<![CDATA[x]]>c<?php x ?>d</>e</ f>g", "abcdeg"),
        ("<b>bo</b>ld <i>it</i>alic", "bold italic"),
        ("x&#" + "9" * 5_000 + ";y", "x\ufffdy"),
        ("&#xD800;&#0;&bogus;&amp", "\ufffd\ufffd&bogus;&"),
        ("<pre>a\r\n  b\n\n\n\nc</pre>d", "a\n  b\n\nc\n\nd"),
        ("<td>a</td><td><div>b</div></td>", "a |\nb"),
        ("<title>One</title><title>Two</title>x", "One\n\nx"),
        ("soft\u00adhyphen\u200b, \u202eturned\u202c, hidden\U000e0041, \x07bell", "softhyphen, turned, hidden, bell"),
    ],
)
def test_broken_and_strange_html(html: str, text: str) -> None:
    assert read(html) == text


@pytest.mark.parametrize(
    "part",
    ["<a ", '<a b="', "<!--", "<!a", "<![cdata[", "</a ", "<script", "<svg>", "<title>", "<a =", "&#1", "<pre>\n"],
)
def test_no_page_takes_more_time_than_its_length(part: str) -> None:
    # In quadratic time this would be minutes, and the test's time limit would end it.
    assert read("x" + part * 100_000)


@given(
    st.lists(st.sampled_from([*"<>/=\"'&#x; \n[]?|", "</", "<!--", "-->", "p", "pre", "td", "svg", "title", "script"]))
)
def test_any_html_gives_text_or_says_that_there_is_none(parts: list[str]) -> None:
    try:
        text = read("".join(parts))
    except PageError as error:
        text = str(error)
    assert text


@given(st.binary(max_size=200), st.sampled_from(["text/html", "text/plain", "", "application/json; charset=gbk"]))
def test_any_bytes_give_text_or_say_that_there_is_none(body: bytes, content_type: str) -> None:
    try:
        text = read(body, content_type)
    except PageError as error:
        text = str(error)
    text.encode()


WORDS = "Grüße, 世界"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (WORDS.encode(), "text/html; charset=utf-8"),
        (WORDS.encode(), "text/html"),
        (WORDS.encode("gbk", "replace"), "text/html; charset=GB2312"),
        (WORDS.encode("utf-8-sig"), "text/html; charset=iso-8859-1"),
        (b"\xff\xfe" + WORDS.encode("utf-16-le"), "text/html"),
        (b"\xfe\xff" + WORDS.encode("utf-16-be"), "text/html"),
        (b'<meta charset="gbk">' + WORDS.encode("gbk", "replace"), "text/html"),
        (b"<meta http-equiv=x content='text/html; charset=gb18030'>" + WORDS.encode("gb18030"), "text/html"),
        (b'<meta charset="gbk">' + WORDS.encode(), "text/html; charset=UTF-8"),
        (b'<meta charset="utf-16">' + WORDS.encode(), "text/html"),
        (b'<meta charset="punycode">' + WORDS.encode(), "text/html; charset=rot13"),
        (b'<?xml version="1.0" encoding="gb18030"?><p>' + WORDS.encode("gb18030"), "application/xhtml+xml"),
    ],
)
def test_the_encoding_is_found(body: bytes, content_type: str) -> None:
    assert read(body, content_type).replace("Gr?", "Grü").replace("?e", "ße") == WORDS


def test_latin_1_means_what_browsers_take_for_it() -> None:
    assert read("“Grüße” €".encode("cp1252"), 'text/html; charset="ISO-8859-1"') == "“Grüße” €"


def test_a_declaration_takes_no_more_time_than_its_length() -> None:
    # 2 s for each of these pages would be too much for the test's time limit.
    page = b"<meta " * 136 + b"charset=" + b" " * 1_224 + b"!"
    for _ in range(100):
        assert decoded(page, "", in_html=True) == page.decode()


@given(st.sampled_from(["utf-8", "gb18030", "shift_jis", "iso-2022-jp", "utf-16", "windows-1252"]), st.integers(0, 3))
def test_a_letter_may_lie_where_two_pieces_meet(name: str, shift: int) -> None:
    codec = {"utf-16": "utf-16-le", "windows-1252": "cp1252"}.get(name, name)
    text = "a" * shift + ("ß" if codec == "cp1252" else "中") * 40_000
    assert decoded(text.encode(codec), f"text/plain; charset={name}", in_html=False) == text


def test_bytes_that_mean_nothing_are_marked() -> None:
    assert read(b"Gr\xfc\xdfe") == "Gr\ufffd\ufffde"


@pytest.mark.parametrize("content_type", ["application/json", "application/ld+json; charset=utf-8", "text/plain"])
def test_text_and_json_stay_as_they_are(content_type: str) -> None:
    text = json.dumps({"a": "<b>  &amp; "}, indent=1)
    assert read(text, content_type) == text


@pytest.mark.parametrize(
    ("content_type", "body"), [("application/xml", "<a>x</a>"), ("text/csv", "a,b"), ("image/svg+xml", "<svg/>")]
)
def test_other_text_stays_as_it_is_too(content_type: str, body: str) -> None:
    assert read(body, content_type) == body


def test_without_a_content_type_it_is_guessed() -> None:
    assert read("\n <p>a</p>", "") == "a"
    assert read("a > b", "") == "a > b"
    with pytest.raises(PageError, match="something unknown"):
        read(b"\x7fELF\0\0", "")


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("application/pdf", b"%PDF-1.7", r"application/pdf \(8 bytes and more\)"),
        ("image/png; x=y", b"\x89PNG", "image/png"),
        ("application/octet-stream", b"text", "octet-stream"),
        ("text/plain", b"\x7fELF\0\0", "text/plain"),
        ("text/html", b"<script>all of it</script>", "JavaScript"),
        ("text/plain", b" \n", "holds no text"),
    ],
)
def test_what_is_no_text_is_said_without_the_addresss_query(content_type: str, body: bytes, said: str) -> None:
    with pytest.raises(PageError, match=said) as caught:
        read(body, content_type, truncated=True)
    assert str(caught.value).startswith("https://example.com/a ")
