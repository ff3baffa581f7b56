"""A provider's refusal, in every form that providers use, becomes one error that says what to do."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.errors import (
    AuthenticationError,
    BadRequestError,
    ContextTooLongError,
    ModelTimeoutError,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    RequestRefusedError,
    UnknownModelError,
)
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.failures import (
    connection_failure,
    failure,
    given_up,
    is_retryable,
    retry_after_s,
    scrub,
    timeout_failure,
)
from aiocrew.net.failures import NetError

KEY = "test-key-0123456789"
ENDPOINT = Endpoint(
    provider="openai",
    model="gpt-4o",
    label="openai/gpt-4o",
    url="https://user:pass@api.test/v1/chat/completions?api-version=1&sig=hidden",
    headers={"Authorization": f"Bearer {KEY}", "X-Custom-Token": "another-secret", "X-Title": "my app"},
    key=KEY,
)


def refusal(status: int, body: Any = b"", **headers: str) -> ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return failure(status, {name.replace("_", "-"): value for name, value in headers.items()}, data, ENDPOINT)


def openai(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "retried"),
    [
        (400, openai("bad"), BadRequestError, False),
        (401, openai("Incorrect API key"), AuthenticationError, False),
        (402, openai("Insufficient balance"), QuotaExceededError, False),
        (403, openai("no access"), AuthenticationError, False),
        (404, openai("no such model", code="model_not_found"), UnknownModelError, False),
        (400, openai("Invalid model", code="model_not_found"), UnknownModelError, False),
        (405, b"", BadRequestError, False),
        (408, b"", ModelTimeoutError, True),
        (409, b"", OverloadedError, True),
        (413, b"too large", BadRequestError, False),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, BadRequestError, False),
        (425, b"", OverloadedError, True),
        (429, openai("slow down", code="rate_limit_exceeded"), RateLimitError, True),
        (429, openai("You exceeded your current quota", type="insufficient_quota"), QuotaExceededError, False),
        # Gemini says the same of its limit for a minute, which does pass.
        (429, [{"error": {"code": 429, "message": "You exceeded your current quota"}}], RateLimitError, True),
        (500, b"", OverloadedError, True),
        (501, b"", BadRequestError, False),
        (503, openai("overloaded"), OverloadedError, True),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, OverloadedError, True),
        (307, b"", RequestRefusedError, False),
        (400, [{"error": {"code": 400, "message": "API key not valid."}}], AuthenticationError, False),
    ],
)
def test_status_and_code_choose_the_error(status: int, body: Any, kind: type[ProviderError], retried: bool) -> None:
    error = refusal(status, body)
    assert type(error) is kind
    assert (error.status, error.model, is_retryable(error)) == (status, "openai/gpt-4o", retried)


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
        "the request exceeds the available context size, try increasing it",
        "Please reduce the length of the messages or completion.",
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        "Your input exceeds the context window of this model.",
    ],
)
def test_a_prompt_that_is_too_long_is_recognised_over_providers(said: str) -> None:
    assert type(refusal(400, openai(said))) is ContextTooLongError
    assert type(refusal(429, openai(said))) is RateLimitError


def test_too_many_tokens_asked_for_is_not_a_prompt_that_is_too_long() -> None:
    assert type(refusal(400, openai("max_tokens is too large: 99999. This model supports at most 16384"))) is (
        BadRequestError
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (openai("from openai"), "from openai"),
        ({"error": "from ollama"}, "from ollama"),
        ({"object": "error", "message": "from vllm"}, "from vllm"),
        ({"detail": "from fastapi"}, "from fastapi"),
        ({"detail": [{"msg": "field required"}]}, "field required"),
        ([{"error": {"message": "from gemini"}}], "from gemini"),
        (b"plain text", "plain text"),
        (b'"quoted"', "quoted"),
        (b"<html><style>a{}</style><body><h1>502 Bad Gateway</h1>nginx &amp; co</body>", "502 Bad Gateway nginx & co"),
        (b"\xff\xfe\x00", ""),
        ({}, ""),
        ([], ""),
    ],
)
def test_the_providers_own_words_are_shown(body: Any, words: str) -> None:
    assert words in str(refusal(400, body))


def test_a_long_text_is_cut() -> None:
    assert len(str(refusal(500, b"x" * 100_000))) < 1_000


def test_keys_are_in_no_message() -> None:
    said = f"key {KEY} (Bearer {KEY}), another-secret, Bearer abcdefghijk, sk-proj-abcdefghijklmnop_1, my app"
    text = str(refusal(401, openai(said)))
    assert not any(part in text for part in (KEY, "another-secret", "abcdefghijk"))
    assert "my app" in text
    assert "sk-ab***yz" in scrub("sk-ab***yz", ENDPOINT)


@given(st.text(), st.text())
def test_a_key_is_scrubbed_wherever_it_stands(before: str, after: str) -> None:
    assert KEY not in scrub(before + KEY + after, ENDPOINT)


def test_the_address_is_shown_without_user_and_query() -> None:
    text = str(refusal(404, b""))
    assert "at https://api.test/v1/chat/completions" in text
    assert "pass" not in text
    assert "hidden" not in text


def test_a_redirect_names_where_to_without_its_query() -> None:
    text = str(refusal(308, b"", Location="https://login.test/in?token=abc"))
    assert "redirects to https://login.test/in, " in text
    assert "base_url" in text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "3", "Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": formatdate(1_000_010, usegmt=True), "Date": formatdate(1_000_000, usegmt=True)}, 10),
        ({"Retry-After": formatdate(1_000_000, usegmt=True), "Date": formatdate(1_000_010, usegmt=True)}, 0),
    ],
)
def test_what_the_provider_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds
    assert failure(429, headers, b"", ENDPOINT).retry_after_s == seconds


@given(st.binary(max_size=200), st.integers(300, 599), st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_answer_becomes_an_error(body: bytes, status: int, headers: dict[str, str]) -> None:
    assert str(status) in str(failure(status, headers, body, ENDPOINT))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "detail", "code", "type"]), inner)
        ),
        max_leaves=8,
    )
)
def test_any_json_becomes_an_error(body: Any) -> None:
    assert isinstance(refusal(400, body), ProviderError)


def test_a_local_server_that_does_not_answer_may_not_be_running() -> None:
    near = connection_failure(NetError("no connection", host="127.0.0.1", port=11434, unreached=True), ENDPOINT)
    far = connection_failure(NetError("no connection", host="api.test", port=443, unreached=True), ENDPOINT)
    assert "127.0.0.1:11434" in str(near)
    assert "running" in str(near)
    assert "running" not in str(far)


def test_an_untrusted_certificate_is_not_tried_again() -> None:
    cause = NetError("not trusted", host="api.test", port=443, permanent=True)
    error = connection_failure(cause, ENDPOINT)
    error.__cause__ = cause
    assert not is_retryable(error)


def test_attempts_are_counted_in_the_last_error() -> None:
    assert "9 attempts" in str(given_up(timeout_failure(ENDPOINT), 9))
    assert "attempt" not in str(given_up(timeout_failure(ENDPOINT), 1))
    assert "600 s" in str(timeout_failure(ENDPOINT))


def test_a_secret_of_the_address_or_of_a_header_is_not_shown_when_a_server_echoes_it() -> None:
    endpoint = Endpoint(
        provider="openai",
        model="m",
        label="openai/m",
        url="http://h/v1/chat/completions?sig=query-secret",
        headers={"X-My": "0123456789abcdef0123"},
    )
    body = b'{"error": {"message": "no: query-secret and 0123456789abcdef0123"}}'
    assert "secret" not in str(failure(400, {}, body, endpoint))
    assert "0123456789" not in str(failure(400, {}, body, endpoint))
