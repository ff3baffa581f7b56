"""Every example runs as it stands: without a key on the offline model, with one against a provider."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.migration.provider import WillingProvider
from tests.server.children import ROOT, run_python, under_uvicorn
from tests.server.loopback import LoopbackProvider

TOPICS = ["event loops", "structured concurrency", "connection pools"]
HONEST = "no language model was asked"


def run(example: str, provider: LoopbackProvider | None = None) -> str:
    """Return what an example prints; it may not complain."""
    done = run_python(f"examples/{example}", provider=provider)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def summary(topic: str) -> str:
    return f"re: Find out what is new about {topic}, and sum it up."


def research(url: str, topics: list[str]) -> dict[str, str]:
    request = urllib.request.Request(
        f"{url}/research", json.dumps({"topics": topics}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)["results"]


def test_the_list_of_examples_is_complete() -> None:
    readme = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    there = {str(path.relative_to(ROOT / "examples")) for path in (ROOT / "examples").rglob("*.py")}
    assert set(re.findall(r"\]\(([\w/]+\.py)\)", readme)) == there


def test_single() -> None:
    printed = run("single.py")
    assert TOPICS[0] in printed
    assert HONEST in printed


def test_gather() -> None:
    printed = run("gather.py")
    assert re.findall("^== (.*)$", printed, re.MULTILINE) == TOPICS
    assert printed.count(HONEST) == 3


def test_for_each_shows_the_input_that_failed() -> None:
    printed = run("for_each.py")
    first, second, third = re.split("^== ", printed, flags=re.MULTILINE)[1:]
    assert HONEST in first
    assert HONEST in third
    assert "failed: " in second
    assert "{topic}" in second
    assert printed.endswith("2 succeeded, 1 failed\n")


def test_stream() -> None:
    printed = run("stream.py")
    assert printed.startswith("== Research Analyst: Find out what is new about event loops")
    assert HONEST in printed
    assert re.search(r"\n\d+ tokens\n$", printed)


def test_overlap(tmp_path: Path) -> None:
    program = ROOT / "examples" / "overlap.py"
    done = subprocess.run([sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    assert "max_concurrency=2" in done.stdout
    assert "overlap.py:" in done.stdout
    assert "Six reports, two at a time" in (tmp_path / "lanes.html").read_text(encoding="utf-8")


def test_structured() -> None:
    assert re.fullmatch(r"event loops\n(- .+ \(\d+%\)\n)+", run("structured.py"))


def test_guardrail_accepts_an_answer_and_rejects_another() -> None:
    accepted, rejected = re.split("^rejected", run("guardrail.py"), flags=re.MULTILINE)
    assert accepted.startswith("accepted: ")
    assert HONEST in accepted
    assert re.fullmatch(r" three times; the last reason: it has \d+ words; 3 are allowed\n", rejected)


def test_hierarchical() -> None:
    printed = run("hierarchical.py")
    assert printed.count(HONEST) == 2  # the manager's own remark, and the co-worker's in what the manager quotes
    assert printed.endswith("(3 model calls, the co-workers' included)\n")


def test_flow() -> None:
    printed = run("flow.py")
    assert re.findall("^== (.*)$", printed, re.MULTILINE) == ["event loops, draft 2", "connection pools, draft 2"]
    assert printed.count(HONEST) == 2


def test_project() -> None:
    printed = run("project/main.py")
    assert re.match(r"== event loops\n(- .+\n)+On the task: Write about event loops for beginners\.\n", printed)
    assert HONEST in printed


def test_the_projects_crew_is_one_for_aiocrew_run() -> None:
    crew, topics = "examples/project/main.py:article_crew", "examples/batch/topics.jsonl"
    done = run_python("-m", "aiocrew", "run", crew, "--inputs", topics)
    assert done.returncode == 0, done.stderr
    readers = [json.loads(line)["reader"] for line in (ROOT / topics).read_text().splitlines()]
    raws = [result["raw"] for result in sorted(map(json.loads, done.stdout.splitlines()), key=lambda r: r["index"])]
    assert all(reader in raw for reader, raw in zip(readers, raws, strict=True))


def test_benchmark() -> None:
    assert re.fullmatch(r"at once: +\d+.\d+ s\none after another: +\d+.\d+ s\nspeed-up: +\d+.\d\n", run("benchmark.py"))


def test_batch(tmp_path: Path) -> None:
    crew, topics = "examples/batch/crew.py:crew", "examples/batch/topics.jsonl"
    done = run_python("-m", "aiocrew", "run", crew, "--inputs", topics, "--journal", str(tmp_path / "batch.sqlite"))
    assert done.returncode == 0, done.stderr
    results = sorted(map(json.loads, done.stdout.splitlines()), key=lambda result: result["index"])
    inputs = [json.loads(line) for line in (ROOT / topics).read_text().splitlines()]
    assert [result["inputs"] for result in results] == inputs
    assert all(HONEST in result["raw"] for result in results)


def test_fastapi_endpoint(tmp_path: Path) -> None:
    with under_uvicorn("examples.fastapi_endpoint:app", tmp_path / "log") as url:
        results = research(url, TOPICS)
        with urllib.request.urlopen(f"{url}/health", timeout=20) as response:
            assert json.load(response) == "ok"
    assert list(results) == TOPICS
    assert all(HONEST in text for text in results.values())
    assert "Warning" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("example", "topics"), [("single.py", TOPICS[:1]), ("gather.py", TOPICS)])
def test_with_keys_the_provider_and_the_search_are_asked(example: str, topics: list[str]) -> None:
    with LoopbackProvider() as provider:
        printed = run(example, provider)
    assert re.findall("^re: .*$", printed, re.MULTILINE) == [summary(topic) for topic in topics]
    assert len(provider.counts.searches) == len(topics)


def test_with_a_key_structured_shows_the_models_values() -> None:
    finding = {"claim": "They turn", "confidence": 0.5}
    with WillingProvider(forms=lambda name, task: {"title": f"{name}: {task}", "findings": [finding]}) as provider:
        printed = run("structured.py", provider)
    assert printed == "Report: Report what is new about event loops.\n- They turn (50%)\n"


def test_with_a_key_guardrail_asks_three_times_with_the_reason_before_it_gives_up() -> None:
    with WillingProvider() as provider:
        printed = run("guardrail.py", provider)
    reason = "it has 4 words; 3 are allowed"
    assert printed == f"accepted: re: Describe event loops.\nrejected three times; the last reason: {reason}\n"
    assert [json.dumps(body["messages"]).count(reason) for body in provider.bodies] == [0, 0, 1, 2]


def test_with_a_key_hierarchical_asks_both_co_workers_at_once() -> None:
    article = "Have an article about event loops written."
    with WillingProvider(
        arguments=lambda name, task: {"task": "Look into it", "question": "What do you think?"}.get(name, task),
        together={"^(Look into it|What do you think)": 2},
    ) as provider:
        printed = run("hierarchical.py", provider)
    assert printed == f"re: {article}\n\n(4 model calls, the co-workers' included)\n"
    assert len(provider.met) == 1
    manager, *team, again = provider.bodies
    assert {body["messages"][0]["content"].splitlines()[0] for body in team} == {
        "You are Researcher.",
        "You are Writer.",
    }
    results = [message["content"] for message in again["messages"] if message["role"] == "tool"]
    assert results == ["re: Look into it", "re: What do you think?"]
    assert manager["messages"] == again["messages"][: len(manager["messages"])]


def test_with_a_key_flow_finds_facts_and_views_for_all_topics_at_once() -> None:
    with WillingProvider(together={"^Find (facts|views)": 4}) as provider:
        printed = run("flow.py", provider)
    assert printed == "".join(
        f"== {topic}, draft 2\nre: Write on {topic}.\n" for topic in ("event loops", "connection pools")
    )
    assert len(provider.met) == 1
    assert len(provider.bodies) == 4 + 2 * 2


def test_with_a_key_project_tells_the_writer_of_the_notes() -> None:
    notes = {"title": "On loops", "points": ["They turn"]}
    with WillingProvider(forms=lambda name, task: notes) as provider:
        printed = run("project/main.py", provider)
    assert printed == "== On loops\n- They turn\nre: Write about event loops for beginners.\n"
    research, article = provider.bodies
    assert research["response_format"]["json_schema"]["name"] == "Notes"
    assert "You are event loops researcher." in research["messages"][0]["content"]
    assert json.dumps(notes) in article["messages"][1]["content"]


def test_the_endpoints_health_is_told_while_its_crews_wait(tmp_path: Path) -> None:
    with (
        LoopbackProvider() as provider,
        under_uvicorn("examples.fastapi_endpoint:app", tmp_path / "log", provider) as url,
        ThreadPoolExecutor(1) as thread,
    ):
        provider.hold()
        asked = thread.submit(research, url, TOPICS)
        provider.wait_for(lambda counts: counts.in_flight == 3)
        with urllib.request.urlopen(f"{url}/health", timeout=20) as response:
            assert json.load(response) == "ok"
        assert not asked.done()
        provider.release()
        assert asked.result() == {topic: summary(topic) for topic in TOPICS}
