"""Model strings, addresses and keys: which provider is meant, and where and how it is reached."""

from __future__ import annotations

import pytest

from aiocrew.errors import BlueprintError, MissingKeyError
from aiocrew.models.addressing import auth_headers, base_url_of, key_of, url_of
from aiocrew.models.providers import PROVIDERS, ModelName, parse_model

OPENAI, AZURE, OLLAMA = PROVIDERS["openai"], PROVIDERS["azure"], PROVIDERS["ollama"]


@pytest.mark.parametrize(
    ("text", "prefix", "model"),
    [
        ("gpt-4o-mini", "openai", "gpt-4o-mini"),
        (" openai/gpt-4o ", "openai", "gpt-4o"),
        ("openai:gpt-4o", "openai", "gpt-4o"),
        ("ft:gpt-4o:org", "openai", "ft:gpt-4o:org"),
        ("openai/ft:gpt-4o:org", "openai", "ft:gpt-4o:org"),
        ("ollama/llama3.2:1b", "ollama", "llama3.2:1b"),
        ("ollama:llama3.2:1b", "ollama", "llama3.2:1b"),
        ("openrouter/anthropic/claude-x", "openrouter", "anthropic/claude-x"),
        ("openrouter/deepseek/deepseek-r1:free", "openrouter", "deepseek/deepseek-r1:free"),
        ("together_ai/meta-llama/Llama-3-8b", "together", "meta-llama/Llama-3-8b"),
        ("hosted_vllm/org/model", "vllm", "org/model"),
        ("Groq/llama-3.3-70b", "groq", "llama-3.3-70b"),
        ("offline/demo", "offline", "demo"),
    ],
)
def test_model_strings(text: str, prefix: str, model: str) -> None:
    assert parse_model(text) == ModelName(prefix, model)


def test_an_unknown_prefix_says_what_is_known_and_what_to_do() -> None:
    with pytest.raises(BlueprintError) as caught:
        parse_model("opnai/gpt-4o")
    for words in ("'opnai'", "Did you mean 'openai/gpt-4o'?", "ollama", "openrouter", "offline", "base_url="):
        assert words in str(caught.value)
    with pytest.raises(BlueprintError, match="ollama/<name>:<tag>"):
        parse_model("llama3.2:1b")


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("llama3:8b", "ollama/llama3:8b"),
        ("gpt-oss:20b", "ollama/gpt-oss:20b"),
        ("codellama:latest", "ollama/codellama:latest"),
        ("qwen2.5:8x7b-q4", "ollama/qwen2.5:8x7b-q4"),
        ("opnai:gpt-4o", "openai:gpt-4o"),
        ("olama:llama3:8b", "ollama:llama3:8b"),
    ],
)
def test_a_name_with_a_tag_is_taken_for_a_local_model(text: str, guess: str) -> None:
    with pytest.raises(BlueprintError) as caught:
        parse_model(text)
    assert f"Did you mean {guess!r}?" in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "openai/", "ollama:"])
def test_no_model_is_an_error(text: str) -> None:
    with pytest.raises(BlueprintError, match="no model"):
        parse_model(text)


def test_at_a_base_url_the_string_is_the_models_name_unless_it_names_a_provider() -> None:
    names = {text: parse_model(text, at_base_url=lambda: True) for text in ("meta/llama-3:8b", "llama:8b", "groq/x")}
    assert [names["meta/llama-3:8b"], names["llama:8b"], names["groq/x"]] == [
        ModelName("openai", "meta/llama-3:8b"),
        ModelName("openai", "llama:8b"),
        ModelName("groq", "x"),
    ]


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("", "https://api.openai.com/v1/chat/completions"),
        ("http://h:1/v1/", "http://h:1/v1/chat/completions"),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
        ("http://h/v1?tenant=a", "http://h/v1/chat/completions?tenant=a"),
    ],
)
def test_urls(base_url: str, url: str) -> None:
    assert url_of(OPENAI, base_url, "m", api_version="") == url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://localhost:11434/v1"),
        ("192.168.0.2", "http://192.168.0.2:11434/v1"),
        ("box:1234", "http://box:1234/v1"),
        (":1234", "http://localhost:1234/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("http://box:1234/", "http://box:1234/v1"),
        ("https://box", "https://box/v1"),
        ("http://box:1234/v1", "http://box:1234/v1"),
        ("http://box/ollama", "http://box/ollama/v1"),
        ("http://box/v1/", "http://box/v1"),
        ("[::1]:1234", "http://[::1]:1234/v1"),
        ("::1", "http://[::1]:11434/v1"),
    ],
)
def test_ollama_hosts(host: str, url: str) -> None:
    assert url_of(OLLAMA, host, "m", api_version="") == f"{url}/chat/completions"


def test_a_query_stays_the_query_at_ollama_too() -> None:
    assert url_of(OLLAMA, "http://box?t=a", "m", api_version="") == "http://box/v1/chat/completions?t=a"


@pytest.mark.parametrize(
    ("base_url", "api_version", "url"),
    [
        (
            "https://r.openai.azure.com/",
            "2024-06-01",
            "/openai/deployments/my%20gpt/chat/completions?api-version=2024-06-01",
        ),
        ("https://r.openai.azure.com", "", "/openai/v1/chat/completions"),
        ("https://r.openai.azure.com/openai/v1/", "", "/openai/v1/chat/completions"),
        (
            "https://r.openai.azure.com/openai/deployments/d",
            "v",
            "/openai/deployments/d/chat/completions?api-version=v",
        ),
        ("https://r.openai.azure.com/models", "v", "/models/chat/completions?api-version=v"),
    ],
)
def test_azure_urls(base_url: str, api_version: str, url: str) -> None:
    assert url_of(AZURE, base_url, "my gpt", api_version=api_version) == f"https://r.openai.azure.com{url}"


def test_azure_needs_an_address() -> None:
    with pytest.raises(BlueprintError, match="AZURE_API_BASE"):
        url_of(AZURE, "", "d", api_version="")


@pytest.mark.parametrize("base_url", ["http://h/v1#part", "http://h/v1?a=b#part"])
def test_a_fragment_is_refused_since_no_server_sees_it(base_url: str) -> None:
    for provider in (OPENAI, OLLAMA):
        with pytest.raises(BlueprintError, match="fragment"):
            url_of(provider, base_url, "m", api_version="")


@pytest.mark.parametrize(
    "base_url", ["localhost:8000/v1", "ftp://h/v1", "http:///v1", "http://h:port/v1", "http://[/v1"]
)
def test_what_is_no_address_is_refused(base_url: str) -> None:
    with pytest.raises(BlueprintError, match="base URL"):
        url_of(OPENAI, base_url, "m", api_version="")


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(BlueprintError, match="extra_headers") as caught:
        url_of(OPENAI, "http://me:secret@h/v1", "m", api_version="")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    ["http://u:secret/x@h:zz", "http://u:secret@h:zz", "http://u:a@secret/x@h", "http://u:a?secret@h", "u:secret@h"],
)
def test_whatever_is_wrong_with_an_address_its_password_is_not_shown(base_url: str) -> None:
    for provider in (OPENAI, OLLAMA):
        with pytest.raises(BlueprintError, match="base URL") as caught:
            url_of(provider, base_url, "m", api_version="")
        assert "secret" not in str(caught.value) + repr(caught.value.__context__)


def test_keys_are_stripped_and_shown_to_the_provider_in_its_way() -> None:
    environment = {"AZURE_OPENAI_API_KEY": "k2"}
    key = key_of(AZURE, None, lambda name: environment.get(name, ""), label="azure/d", optional=False)
    assert auth_headers(AZURE, key) == {"api-key": "k2"}
    key = key_of(OPENAI, " k1\n", lambda _: "", label="openai/m", optional=False)
    assert auth_headers(OPENAI, key) == {"Authorization": "Bearer k1"}
    assert key_of(OLLAMA, None, lambda _: "", label="ollama/m", optional=False) == ""
    assert key_of(OPENAI, None, lambda _: "", label="openai/m", optional=True) == ""


@pytest.mark.parametrize("key", ['"k"', "'k'", "Bearer k", "bearer  k\n", '"Bearer k"', 'Bearer "k"'])
def test_quotes_and_a_scheme_around_a_key_are_no_part_of_it(key: str) -> None:
    assert key_of(OPENAI, key, lambda _: "", label="openai/m", optional=False) == "k"
    assert key_of(OPENAI, '""', lambda _: key, label="openai/m", optional=False) == "k"


def test_a_key_of_nothing_but_quotes_is_missing() -> None:
    for key in ('""', "Bearer", "Bearer ''"):
        with pytest.raises(MissingKeyError):
            key_of(OPENAI, None, lambda _, key=key: key, label="openai/m", optional=False)


def test_a_missing_key_names_the_variable_and_the_models_that_need_none() -> None:
    with pytest.raises(MissingKeyError) as caught:
        key_of(PROVIDERS["gemini"], None, lambda _: "", label="gemini/m", optional=False)
    assert caught.value.variables == ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    for words in ("gemini/m", "GEMINI_API_KEY", "GOOGLE_API_KEY", "offline/", "ollama/"):
        assert words in str(caught.value)


@pytest.mark.parametrize("key", ["a b\nc", "clé", "a\0b"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BlueprintError, match="openai/m") as caught:
        key_of(OPENAI, key, lambda _: "", label="openai/m", optional=False)
    assert key not in str(caught.value)


def test_the_table_is_whole() -> None:
    environment = {"OPENAI_API_BASE": "crewai's first choice", "OPENAI_BASE_URL": "openai's own"}
    assert base_url_of(OPENAI, None, lambda name: environment.get(name, "")) == "crewai's first choice"
    assert base_url_of(OPENAI, "mine", lambda name: environment.get(name, "")) == "mine"
    for name, provider in PROVIDERS.items():
        assert provider.name == name
        assert provider.key_variables or not provider.needs_key
        assert provider.base_url or provider.base_url_variables
        assert not provider.base_url.endswith("/")


@pytest.mark.parametrize(
    ("name", "provider"),
    [("claude-sonnet-4-5", "anthropic"), ("gemini-2.5-flash", "gemini"), ("gpt-4o", "openai"), ("my-model", "openai")],
)
def test_a_bare_name_is_of_whoever_is_known_by_it(name: str, provider: str) -> None:
    assert parse_model(name) == ModelName(provider, name)
    assert parse_model(name, at_base_url=lambda: True) == ModelName("openai", name)
