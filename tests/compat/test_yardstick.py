"""What `make compat` judges by: the letters, the page that shows them, and the server of recorded replies."""

from __future__ import annotations

import gzip
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts.compat.__main__ import CHOSEN, PAGE, by_file, summary
from scripts.compat.letters import Letter, judge, read_letters, written_into
from scripts.compat.replies import RecordedReplies, read_recording
from scripts.compat.running import Result, run_file


def recorded(uri: str, body: bytes | str, *, old: bool = False) -> dict[str, Any]:
    """Return one exchange as a recording holds it; `old` is the shape of other versions of the recorder."""
    response = {"status_code": 200, "content": body} if old else {"status": {"code": 200}, "body": {"string": body}}
    return {"request": {"method": "POST", "uri": uri}, "response": response}


@pytest.fixture
def replies() -> Iterator[RecordedReplies]:
    served = RecordedReplies()
    yield served
    served.close()


def ask(replies: RecordedReplies, path: str = "/v1/chat/completions") -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"http://127.0.0.1:{replies.port}{path}", data=b"{}")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_every_letter_is_one_of_five_with_a_reason_and_belongs_to_a_chosen_test() -> None:
    assert set(read_letters()) <= set(CHOSEN)


def test_a_letter_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "letters.toml"
    file.write_text('"tests/x.py::test_y" = { letter = "a" }\n')
    with pytest.raises(ValueError, match=r"tests/x\.py::test_y needs a letter of a, b, c, d, e and a reason"):
        read_letters(file)


def test_the_page_shows_the_letters_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written_into(page, read_letters(), CHOSEN), "run: python -m scripts.compat --page"


def test_the_page_lists_a_lettered_test_with_its_reason() -> None:
    page = PAGE.read_text(encoding="utf-8")
    written = written_into(page, {CHOSEN[0]: Letter("c", "a sentence")}, CHOSEN)
    assert f"| `{CHOSEN[0].removeprefix('tests/')}` | a sentence |" in written


def test_tests_are_run_a_file_at_a_time_and_a_whole_file_wins() -> None:
    assert by_file(["a.py::one", "b.py::two", "a.py::three"]) == {"a.py": ["one", "three"], "b.py": ["two"]}
    assert by_file(["a.py::one", "a.py"]) == {"a.py": []}


def test_the_counts_say_how_many_passed_and_the_letters_of_the_others() -> None:
    results = [Result(id=name, passed=name == "a", fault="") for name in "abc"]
    assert summary(judge(results, {"b": Letter("d", "why")})).strip() == "1 of 3 passed, 1 (d), 1 (no letter)"


def test_a_recording_gives_the_answers_of_models_only_whatever_its_shape(tmp_path: Path) -> None:
    file = tmp_path / "test_x.yaml"
    chat, packed = json.dumps({"id": "1"}), gzip.compress(json.dumps({"id": "2"}).encode())
    exchanges = [
        recorded("https://api.openai.com/v1/chat/completions", chat),
        recorded("https://telemetry.example/v1/traces", "\n"),
        recorded("https://api.openai.com/v1/chat/completions", packed, old=True),
    ]
    file.write_text(yaml.safe_dump({"interactions": exchanges}))
    assert read_recording(file) == [(200, {"id": "1"}), (200, {"id": "2"})]
    assert read_recording(tmp_path / "none.yaml") == []


def test_an_answer_of_ollama_is_served_as_chat_completions(tmp_path: Path) -> None:
    file = tmp_path / "test_x.yaml"
    said = json.dumps({"model": "gemma2", "response": "Hi.", "prompt_eval_count": 3, "eval_count": 2})
    file.write_text(yaml.safe_dump({"interactions": [recorded("http://localhost:8080/api/generate", said)]}))
    [(status, body)] = read_recording(file)
    assert (status, body["choices"][0]["message"]["content"]) == (200, "Hi.")
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_recorded_answers_are_given_in_order_and_then_requests_are_refused(replies: RecordedReplies) -> None:
    replies.offer([(200, {"id": "1"}), (429, {"error": {}})])
    assert [ask(replies), ask(replies)] == [(200, {"id": "1"}), (429, {"error": {}})]
    status, body = ask(replies)
    assert (status, replies.asked) == (400, 3)
    assert "no further reply" in body["error"]["message"]


def test_another_path_than_that_of_chat_completions_takes_no_answer(replies: RecordedReplies) -> None:
    replies.offer([(200, {})])
    assert ask(replies, "/v1/embeddings")[0] == 404
    assert replies.asked == 0


TESTS = """
import socket

import pytest
from crewai.llm import LLM
from crewai.tools.tool_usage import ToolUsage

SAYS = [{"role": "user", "content": "Say something."}]


@pytest.mark.vcr
def test_recorded():
    assert LLM(model="gpt-4o").call(SAYS) == "Hi."


@pytest.mark.vcr
def test_swallowed():
    LLM(model="gpt-4o").call(SAYS)
    with pytest.raises(Exception):
        LLM(model="gpt-4o").call(SAYS)


def test_outside():
    socket.create_connection(("192.0.2.1", 80))


def test_internal():
    ToolUsage.use()
"""


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """What became of the tests above, by name, in a process such as CrewAI's tests run in."""
    folder = tmp_path_factory.mktemp("peer")
    cassettes = folder / "tests" / "cassettes"
    cassettes.mkdir(parents=True)
    (folder / "tests" / "a_test.py").write_text(TESTS)
    message = {"role": "assistant", "content": "Hi."}
    body = {"id": "1", "model": "gpt-4o", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    exchange = recorded("https://api.openai.com/v1/chat/completions", json.dumps(body))
    for name in ("test_recorded", "test_swallowed"):
        (cassettes / f"{name}.yaml").write_text(yaml.safe_dump({"interactions": [exchange]}))
    results = run_file(Path(sys.executable), folder, "tests/a_test.py", [])
    return {result.id.partition("::")[2]: result for result in results}


def test_a_test_gets_what_was_recorded_for_it(child: dict[str, Result]) -> None:
    assert child["test_recorded"] == Result(
        id="tests/a_test.py::test_recorded", passed=True, fault="", recorded=1, asked=1
    )


def test_a_test_that_asks_for_more_has_not_passed_even_if_it_swallows_the_refusal(child: dict[str, Result]) -> None:
    assert (child["test_swallowed"].passed, child["test_swallowed"].asked) == (False, 2)
    assert "2 requests for 1 recorded replies" in child["test_swallowed"].fault


def test_a_test_cannot_leave_the_machine(child: dict[str, Result]) -> None:
    assert "192.0.2.1:80 is not on this machine; the tests may not leave it" in child["test_outside"].fault


def test_an_internal_of_crewai_can_be_imported_and_does_nothing(child: dict[str, Result]) -> None:
    assert "crewai.tools.tool_usage.ToolUsage is an internal of CrewAI" in child["test_internal"].fault


def test_a_test_that_is_not_there_has_not_passed(tmp_path: Path) -> None:
    [result] = run_file(Path(sys.executable), tmp_path, "tests/none_test.py", ["test_x"])
    assert (result.id, result.passed) == ("tests/none_test.py::test_x", False)
    assert "none_test.py" in result.fault
