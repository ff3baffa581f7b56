"""The bytes of a page as text: which encoding it says it has, as browsers understand it. Pure."""

from __future__ import annotations

import codecs
import re

__all__ = ["decoded"]

# Names as pages write them, by the codec that browsers use (https://encoding.spec.whatwg.org). A table, because
# Python's own lookup remembers every name that it is asked for, and knows codecs that no page may choose.
_CODECS: dict[str, str] = {
    name: codec
    for codec, names in {
        "utf-8": "utf-8 utf8 unicode-1-1-utf-8",
        "cp1252": "ascii cp1252 iso-8859-1 iso8859-1 iso_8859-1 l1 latin1 us-ascii windows-1252 x-cp1252",
        "utf-16-le": "utf-16 utf-16le unicode",
        "utf-16-be": "utf-16be",
        "iso8859-2": "iso-8859-2 iso8859-2 latin2",
        "iso8859-3": "iso-8859-3 latin3",
        "iso8859-4": "iso-8859-4 latin4",
        "iso8859-5": "iso-8859-5 iso8859-5 cyrillic",
        "iso8859-6": "iso-8859-6 arabic",
        "iso8859-7": "iso-8859-7 iso8859-7 greek",
        "iso8859-8": "iso-8859-8 iso-8859-8-i hebrew logical",
        "cp1254": "iso-8859-9 iso8859-9 latin5 windows-1254 cp1254",
        "iso8859-10": "iso-8859-10 latin6",
        "iso8859-13": "iso-8859-13",
        "iso8859-14": "iso-8859-14",
        "iso8859-15": "iso-8859-15 iso8859-15 latin9 l9",
        "iso8859-16": "iso-8859-16",
        "cp866": "ibm866 cp866 866",
        "koi8-r": "koi8-r koi8 koi",
        "koi8-u": "koi8-u koi8-ru",
        "mac-roman": "macintosh mac x-mac-roman",
        "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
        "cp874": "windows-874 iso-8859-11 tis-620 dos-874",
        "cp1250": "windows-1250 cp1250 x-cp1250",
        "cp1251": "windows-1251 cp1251 x-cp1251",
        "cp1253": "windows-1253 cp1253",
        "cp1255": "windows-1255 cp1255",
        "cp1256": "windows-1256 cp1256",
        "cp1257": "windows-1257 cp1257",
        "cp1258": "windows-1258 cp1258",
        "gb18030": "gb18030 gbk gb2312 gb_2312-80 x-gbk chinese",
        "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5",
        "euc_jp": "euc-jp x-euc-jp",
        "iso2022_jp": "iso-2022-jp",
        "cp932": "shift_jis shift-jis sjis x-sjis windows-31j ms932 ms_kanji",
        "cp949": "euc-kr ks_c_5601-1987 ksc5601 korean windows-949",
    }.items()
    for name in names.split()
}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SEARCHED = 2_048  # browsers look at the first 1,024 bytes, but many pages begin with comments
_IN_HEADER = re.compile(r"charset\s*+=\s*+[\"']?([\w.:-]+)", re.ASCII | re.IGNORECASE)
_IN_META = re.compile(rb"<meta\b[^>]*?\bcharset\s*+=\s*+[\"']?\s*+([\w.:-]++)", re.IGNORECASE)
_IN_XML = re.compile(rb"\A\s*+<\?xml\b[^>]*?\bencoding\s*+=\s*+[\"']([\w.:-]++)")
_PIECE = 65_536


def decoded(body: bytes, content_type: str, *, in_html: bool) -> str:
    """Return the text of `body`; bytes that mean nothing become U+FFFD.

    The encoding is that of the byte order mark, else of the header, else of the page itself (its <meta>, if it is
    HTML, or its XML declaration), else UTF-8.
    """
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return _text(body[len(mark) :], codec)
    header = _IN_HEADER.search(content_type)
    codec = _CODECS.get(header[1].lower()) if header else None
    return _text(body, codec or _declared(body[:_SEARCHED], in_html=in_html) or "utf-8")


def _text(body: bytes, codec: str) -> str:
    # In pieces: all other threads wait for a codec, and for bytes that mean nothing it takes 150 ns each.
    pieces = (body[at : at + _PIECE] for at in range(0, len(body), _PIECE))
    return "".join(codecs.iterdecode(pieces, codec, "replace"))


def _declared(start: bytes, *, in_html: bool) -> str | None:
    for pattern in (_IN_META, _IN_XML) if in_html else (_IN_XML,):
        found = pattern.search(start)
        codec = _CODECS.get(found[1].decode().lower()) if found else None
        if codec is not None:
            # A page whose declaration could be read as ASCII is not in UTF-16, whatever it says.
            return "utf-8" if codec.startswith("utf-16") else codec
    return None
