"""No secret gets into a cassette, wherever it stands and however it is written, and the replay is the same."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew import LLM, Crew, UsageError, tool
from aiocrew.testing import ScriptedModel, calls, cassette, prompt
from aiocrew.testing.redaction import Redactor
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.server.loopback import LoopbackProvider

TOPIC = {"topic": "tea"}
SECRET = "s3cr3t/value+0123456789"
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda secret: json.dumps({"x": secret + '"'}),
    "json in json": lambda secret: json.dumps(json.dumps([secret])),
    "url": lambda secret: f"https://host/?q={quote(secret, safe='')}",
    "base64": lambda secret: b64encode(secret.encode()).decode(),
    "basic": lambda secret: b64encode(f"user:{secret}".encode()).decode(),
    "basic of another length": lambda secret: b64encode(f"me:{secret}!".encode()).decode(),
    "base64 for urls": lambda secret: urlsafe_b64encode(f"{secret}?".encode()).decode(),
    "hexadecimal": lambda secret: secret.encode().hex(),
}
LOOKS = [
    "sk-proj-Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1",
    "sk-ant-api03-abcdef0123456789-_x",
    "ghp_" + "a1B2" * 9,
    "AKIAIOSFODNN7EXAMPLE",
    "AIza" + "Sy0_" * 9,
    "xoxb-123456789012-abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crew.json"


def everywhere(text: str, path: Path, model: ScriptedModel) -> str:
    """Run a crew that has `text` wherever a run can have one, on the cassette `path`."""

    @tool
    def look_up(key: str, api_key: str) -> str:
        """Look a key up."""
        return f"found {text} for {key}"

    def told(output: Any) -> None:
        raise ValueError(text)

    agent = agent_with(model, tools=[look_up], backstory=f"You know {text}.")
    inputs = {"topic": f"about {text}", text: "as a name", "nested": [{"a": (text,)}]}
    with cassette(path):
        [outcome] = Crew(agents=[agent], tasks=[task_for(agent, callback=told)]).kickoff_for_each([inputs])
    return str(outcome.error)


def script(text: str) -> ScriptedModel:
    return ScriptedModel(calls(("look_up", {"key": text, "api_key": text}), text=text), f"It is {text}")


def absent(secret: str, path: Path) -> None:
    written = path.read_text(encoding="utf-8")
    for start in range(0, len(secret) - 11, 4):
        assert json.dumps(secret[start : start + 12])[1:-1] not in written


@pytest.mark.parametrize("form", FORMS)
def test_the_value_of_a_variable_is_found_in_every_form_and_everywhere(
    path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("SOME_SERVICE_PASSWORD", SECRET)
    text = FORMS[form](SECRET)
    everywhere(text, path, script(text))
    absent(SECRET, path)
    absent(b64encode(SECRET.encode()).decode(), path)
    absent(text[len("https://host/") :] if form == "url" else text.strip('"\\{}[] x:'), path)
    everywhere(text, path, ScriptedModel())


@pytest.mark.parametrize("text", LOOKS, ids=lambda text: text[:8])
def test_what_looks_like_a_key_is_taken_out_whoevers_it_is(path: Path, text: str) -> None:
    everywhere(text, path, script(text))
    absent(text.replace("\n", ""), path)
    everywhere(text, path, ScriptedModel())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdef1234567890", "Authorization: Bearer <api_key>"),
        ("basic dXNlcjpodW50ZXIyMg==", "basic <api_key>"),
        ("postgres://me:hunt/", "postgres://me:hunt/"),
        ("postgres://me:hunter2@db:5432/x", "postgres://me:<password>@db:5432/x"),
        ("redis://:p@ss@h/0", "redis://:<password>@h/0"),
        ('{"api_key": "abcdef123456"}', '{"api_key": "<api_key>"}'),
        ('{\\"client_secret\\":\\"abcdef123456\\"}', '{\\"client_secret\\":\\"<api_key>\\"}'),
        ("PASSWORD=correct1horse2", "PASSWORD=<api_key>"),
        ("api_key='abcdef123456' and more", "api_key='<api_key>' and more"),
        # and what only looks a little like it
        ("a basic understanding-of-something", "a basic understanding-of-something"),
        ("sk-learn-based-estimators", "sk-learn-based-estimators"),
        ("the secret: everything is in the sauce", "the secret: everything is in the sauce"),
        ("see http://host:8080/a/b and me@home", "see http://host:8080/a/b and me@home"),
        ("task-0123456789abcdef", "task-0123456789abcdef"),
        ("commit 3f4e96d0a1b2c3d4e5f60718293a4b5c6d7e8f90", "commit 3f4e96d0a1b2c3d4e5f60718293a4b5c6d7e8f90"),
    ],
)
def test_what_stands_where_keys_stand_is_taken_out_and_nothing_else(text: str, shown: str) -> None:
    assert Redactor({}).clean(text) == shown


@given(st.sampled_from(["api_key", "Authorization", "topic"]), st.text("ab1=_-. \"'\\", max_size=30))
def test_arguments_are_cleaned_alike_as_json_and_as_a_text(name: str, value: str) -> None:
    redactor = Redactor({"A_KEY": "ab1ab1ab1"})
    assert json.loads(redactor.clean(json.dumps({name: value}))) == redactor.clean({name: value})


@given(
    st.text(max_size=40), st.sampled_from([*LOOKS, "postgres://a:b@c", "api_key=abcdef123456"]), st.text(max_size=40)
)
def test_cleaning_again_changes_nothing(before: str, secret: str, after: str) -> None:
    redactor = Redactor({"A_KEY": "abcdefgh1"})
    once = redactor.clean(f"{before}{secret}{after}")
    assert redactor.clean(once) == once


@pytest.mark.parametrize("repeated", ["a.", "eyJ-", "sk-", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "a://", ":@"])
def test_a_long_text_is_cleaned_in_a_time_that_goes_with_its_length(repeated: str) -> None:
    Redactor({}).clean(repeated * (200_000 // len(repeated)))  # the limit of the test's time says so


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, "0123-abcdef")
            for name in ("OPENAI_API_KEY", "GITHUB_TOKEN", "client_secret", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY")
        ),
        *((name, "0123-abcdef") for name in ("APIKEY", "MY_TOKENS", "DB_PASS", "MYSQL_PWD", "GH_PAT", "NPM_AUTH")),
        ("DATABASE_URL", "postgres://me:hunter2222@db/x"),
        ("UNSUSPICIOUS", "0a9f8b7c6d5e4f3a2b1c"),
    ],
)
def test_a_variable_that_looks_secret_is_taken_out(name: str, value: str) -> None:
    cleaned = Redactor({name: value}).clean({"a": [f"it is {value}!"], value: 1})
    assert cleaned == {"a": [f"it is <{name}>!"], f"<{name}>": 1}


def test_the_password_in_an_address_is_taken_out_by_itself() -> None:
    assert Redactor({"DATABASE_URL": "postgres://me:hunter2222@db/x"}).clean("hunter2222") == "<DATABASE_URL>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZERS_PARALLELISM", "parallelism"),
        ("API_KEY", "short"),
        ("PATH", "/usr/local/bin:/usr/bin"),
        ("PWD", "/home/me/project"),
        ("MACHTYPE", "x86_64-pc-linux-gnu"),
        ("HOME", "/home/a1b2c3d4e5f6a7b8c9d0"),
        ("BROKEN", "http://[half"),
    ],
)
def test_other_variables_and_short_values_are_left(name: str, value: str) -> None:
    assert Redactor({name: value}).clean(value) == value


def test_of_secrets_that_contain_one_another_the_longer_is_named() -> None:
    redactor = Redactor({"A_KEY": "12345678", "B_KEY": "1234567890"})
    assert redactor.clean("1234567890 12345678") == "<B_KEY> <A_KEY>"


@given(st.text(min_size=8), st.lists(st.text(max_size=5), max_size=5))
def test_no_secret_is_left(secret: str, between: list[str]) -> None:
    redactor = Redactor({"KEY": secret})
    cleaned = redactor.clean(secret.join(["<", *between, ">"]))
    assert len(secret.strip()) < 8 or secret.strip() not in cleaned.replace("<KEY>", "")


async def test_what_is_given_as_redact_is_taken_out_however_short(path: Path) -> None:
    for model in (ScriptedModel(by=lambda request: f"1234 it is, {prompt(request)}"), ScriptedModel()):
        with cassette(path, redact={"PIN": "1234"}):
            await one_task_crew(model).kickoff_async({"topic": "the pin 1234"})
    assert "1234" not in path.read_text(encoding="utf-8")
    assert "<PIN> it is" in path.read_text(encoding="utf-8")


def test_an_empty_value_of_redact_is_refused(path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"cassette\(redact=\{'PIN': ...\}\): its value is empty"),
        cassette(path, redact={"PIN": " "}),
    ):
        raise AssertionError("must not begin")


async def test_a_replay_with_another_value_of_the_variable_is_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, model in ((SECRET, ScriptedModel(by=lambda _: f"it has {SECRET}")), ("another-value", ScriptedModel())):
        monkeypatch.setenv("SOME_SERVICE_TOKEN", value)
        with cassette(path):
            output = await one_task_crew(model).kickoff_async({"topic": f"Bearer {value}", value: "as a name"})
    assert output.raw == "it has <SOME_SERVICE_TOKEN>"


def test_without_its_key_a_replay_is_the_same_where_the_prompt_has_the_variable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    for key, model in (("given-0123456789", ScriptedModel("x")), (None, ScriptedModel())):
        if key:
            monkeypatch.setenv("OPENAI_API_KEY", key)
        else:
            monkeypatch.delenv("OPENAI_API_KEY")
        with cassette(path):
            one_task_crew(model).kickoff({"topic": os.environ["OPENAI_API_KEY"]})
    assert "<OPENAI_API_KEY>" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("key", ["sk-given-by-hand-123456", "given-by-hand"])
def test_the_key_of_an_llm_is_taken_out_wherever_it_stands(path: Path, key: str) -> None:
    with LoopbackProvider() as provider:
        for _ in range(2):
            llm = LLM("openai/gpt-4o-mini", api_key=key, base_url=provider.base_url)
            agent = agent_with(llm, backstory=f"You know {key}.")
            with cassette(path):
                Crew(agents=[agent], tasks=[task_for(agent)]).kickoff({"topic": key})
    written = path.read_text(encoding="utf-8")
    assert key not in written
    assert "You know <api_key>." in written


@pytest.mark.parametrize(
    "options",
    [
        {"extra_body": {"user_info": [{"apiKey": "gateway-secret"}]}},
        {"extra_headers": {"X-Gateway-Secret": "gateway-secret"}},
        {"extra_headers": {"Authorization": "Bearer gateway-secret"}},
        {"extra_headers": {"X-Gateway": "gateway-secret0123456789abcdef"}},
    ],
    ids=["body", "header", "authorization", "looks"],
)
def test_what_proves_to_a_gateway_who_asks_is_taken_out(path: Path, options: dict[str, Any]) -> None:
    with LoopbackProvider() as provider:
        llm = LLM("openai/gpt-4o-mini", api_key="sk-test", base_url=provider.base_url, **options)
        agent = agent_with(llm, backstory=f"Options: {json.dumps(options)}")
        with cassette(path):
            Crew(agents=[agent], tasks=[task_for(agent)]).kickoff(TOPIC)
    assert "gateway-secret" not in path.read_text(encoding="utf-8")


def test_a_secret_in_the_inputs_is_taken_out_of_the_prompt_too(path: Path) -> None:
    for model in (ScriptedModel("x"), ScriptedModel()):
        agent = agent_with(model)
        with cassette(path):
            Crew(agents=[agent], tasks=[task_for(agent, "Log in with {db_password} as {user}")]).kickoff(
                {"db_password": "correct horse", "user": "me, as usual"}
            )
    written = path.read_text(encoding="utf-8")
    assert "correct horse" not in written
    assert "Log in with <db_password> as me, as usual" in written
