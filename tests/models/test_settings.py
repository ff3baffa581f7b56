"""What is told of an LLM: where its requests go and with which parameters, and no secret."""

from __future__ import annotations

import copy
import json

import msgspec
import pytest
from pydantic import BaseModel

from aiocrew import LLM, Limits
from aiocrew.models.lookup import resolve
from aiocrew.types.model_settings import ModelSettings
from tests.doubles import ScriptedModel

KEY = "sk-hidden-0123456789abcdef"


def settings(model: str = "openai/gpt-4o-mini", **fields: object) -> ModelSettings:
    found = LLM(model, api_key=KEY, **fields).resolve().settings
    assert found is not None
    return found


def test_it_tells_how_many_calls_may_be_under_way_where_the_user_said() -> None:
    assert settings().max_in_flight is None
    assert settings(limits=Limits(requests_per_minute=60)).max_in_flight is None
    assert settings(limits=Limits(max_in_flight=4)).max_in_flight == 4


def test_an_llm_tells_its_parameters_as_they_are_sent() -> None:
    told = settings(
        temperature=0.2,
        top_p=0.9,
        max_tokens=100,
        seed=7,
        stop="END",
        presence_penalty=0.1,
        frequency_penalty=0.3,
        extra_body={"top_k": 40, "n": 1, "service_tier": "flex"},
    )
    assert told == ModelSettings(
        provider="openai",
        model="gpt-4o-mini",
        server="api.openai.com",
        port=443,
        temperature=0.2,
        top_p=0.9,
        top_k=40.0,
        max_tokens=100,
        seed=7,
        stop=("END",),
        presence_penalty=0.1,
        frequency_penalty=0.3,
        choices=1,
        service_tier="flex",
    )


@pytest.mark.filterwarnings("ignore::aiocrew.AiocrewWarning")
def test_what_a_model_refuses_is_not_told_and_what_is_renamed_is() -> None:
    told = settings("openai/o3", temperature=0.2, max_tokens=100, reasoning_effort="low")
    assert (told.temperature, told.max_tokens, told.reasoning_effort) == (None, 100, "low")
    assert settings("mistral/mistral-small", seed=7).seed == 7


@pytest.mark.parametrize(
    ("base_url", "server", "port"),
    [
        ("https://proxy.example.com/v1", "proxy.example.com", 443),
        ("http://localhost/v1", "localhost", 80),
        ("http://127.0.0.1:8000/v1", "127.0.0.1", 8000),
        ("http://[::1]:8000/v1", "::1", 8000),
        (f"https://example.com:8443/v1?key={KEY}", "example.com", 8443),
    ],
)
def test_the_server_is_the_one_that_is_asked(base_url: str, server: str, port: int) -> None:
    told = settings("any-model", base_url=base_url)
    assert (told.server, told.port) == (server, port)


def test_the_form_of_the_answers_is_told_by_its_type() -> None:
    class Form(BaseModel):
        name: str

    assert settings(response_format=Form).output_type == "json"
    assert settings(response_format={"type": "json_object"}).output_type == "json"
    assert settings(response_format={"type": "text"}).output_type == "text"
    assert settings().output_type == ""


def test_what_has_another_type_than_its_name_says_is_not_told() -> None:
    told = settings(
        extra_body={
            "temperature": "hot",
            "top_p": True,
            "top_k": float("inf"),
            "seed": 2**70,
            "max_tokens": 1.5,
            "stop": [1, "x"],
            "response_format": "json",
        }
    )
    assert told == ModelSettings(provider="openai", model="gpt-4o-mini", server="api.openai.com", port=443, stop=("x",))


def test_no_secret_is_told() -> None:
    told = settings(
        base_url=f"https://example.com/{KEY}/v1?key={KEY}",
        extra_headers={"X-Gateway": KEY},
        extra_body={"data_sources": [{"key": KEY}], "user": KEY},
    )
    assert KEY not in repr(told)
    assert KEY not in msgspec.json.encode(told).decode()


def test_what_is_not_set_is_not_written() -> None:
    assert json.loads(msgspec.json.encode(settings())) == {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "server": "api.openai.com",
        "port": 443,
    }


def test_it_is_made_once_for_as_long_as_the_llm_stays_the_same() -> None:
    llm = LLM("openai/gpt-4o-mini", api_key=KEY, temperature=0.2)
    before = llm.resolve().settings
    assert llm.resolve().settings is before
    llm.temperature = 0.3
    assert llm.resolve().settings != before
    assert hash(copy.copy(llm).resolve().settings) == hash(llm.resolve().settings)


def test_models_that_send_no_request_of_ours_have_none() -> None:
    assert resolve(ScriptedModel("A")).settings is None
    assert resolve("offline/demo").settings is None
