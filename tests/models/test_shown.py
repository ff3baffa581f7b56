"""Addresses as they are shown, and the secrets in them."""

from __future__ import annotations

import pytest

from aiocrew.models.shown import shown_url, url_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:1/v1/chat", "http://h:1/v1/chat"),
        ("http://[::1]:1/v1?k=secret", "http://[::1]:1/v1"),
        ("https://h/v1?mail=me@secret", "https://h/v1"),
        ("https://h/v1#secret", "https://h/v1"),
        ("http://u:secret@h/v1?k=secret", "http://h/v1"),
        ("http://u:secret/a@h/v1", "http://h/v1"),
        ("http://u:a?secret@h/v1", "http://h/v1"),
        ("http://u:1/secret@h/v1", "http://h/v1"),
        ("http://u:a@b/secret@h", "http://h"),
        ("u:secret@h/v1", "h/v1"),
        ("h:1/v1?secret", "h:1/v1"),
        ("/a?b", "/a"),
        ("", ""),
    ],
)
def test_what_is_shown_of_an_address(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_the_values_of_a_query_may_be_secret_and_a_version_is_not() -> None:
    url = "http://h/v1?key=a%2Fb+c&token=t&api-version=2024-06-01&empty="
    assert url_secrets(url) == {"a%2Fb+c", "a/b+c", "a/b c", "t"}
    assert url_secrets("http://h/v1") == frozenset()
