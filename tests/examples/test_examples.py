"""Every example runs as it stands: without a key on the offline model, with one against a provider."""

from __future__ import annotations

import json
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

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
    assert set(re.findall(r"\]\((\w+\.py)\)", readme)) == {path.name for path in (ROOT / "examples").glob("*.py")}


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
