"""A project written for CrewAI runs on aiocrew: untouched, beside the compat member, or by its imports alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.migration.provider import WillingProvider

PROJECT = Path(__file__).parent / "project"
TIMEOUT_S = 40

MOVES = {
    "crewai": "aiocrew",
    "crewai.flow.flow": "aiocrew.flow",
    "crewai.project": "aiocrew.project",
    "crewai.tasks.task_output": "aiocrew",
    "crewai.tools": "aiocrew.tools",
    "crewai_tools": "aiocrew.tools.library",
}
"""CrewAI's modules, and where their names are here."""

IMPORT = re.compile(r"^from (?P<module>crewai[\w.]*) import ")

FLOW = "coral reefs"
TOPICS = ["kelp forests", "deep sea vents", "tide pools"]
OF_TOPICS = f".* ({'|'.join(TOPICS)})"
PARALLEL_TASKS, RESEARCH_OF_ALL, ALL_DRAFTS = (
    f"^(Search|Look) .* {FLOW}",
    f"^(Search|Look){OF_TOPICS}",
    f"^Draft{OF_TOPICS}",
)
WAYS = ("untouched", "by its imports alone")


def moved(text: str) -> str:
    """Return a program's text with its imports from CrewAI's modules replaced, each by its entry in the table."""

    def replaced(line: str) -> str:
        return IMPORT.sub(lambda found: f"from {MOVES[found['module']]} import ", line)

    return "".join(map(replaced, text.splitlines(keepends=True)))


def programs() -> dict[str, str]:
    """Return the texts of the project's programs, by path."""
    return {str(path.relative_to(PROJECT)): path.read_text() for path in sorted(PROJECT.rglob("*.py"))}


def topic_of(task: str) -> str:
    return next(topic for topic in (FLOW, *TOPICS) if topic in task)


def form_of(name: str, task: str) -> dict[str, Any]:
    topic = topic_of(task)
    if name == "Verdict":
        return {"title": f"On {topic}", "score": len(topic) % 10}
    return {"headline": f"News of {topic}", "findings": [{"claim": f"There are {topic}", "source": "the web"}]}


def argument(name: str, task: str) -> str:
    written = {"website_url": "http://localhost/", "search_query": topic_of(task), "filename": f"{topic_of(task)}.txt"}
    return written.get(name, f"Written for: {task}")


@dataclass(frozen=True)
class Ran:
    """A run of the whole project: what its provider saw, and what it left behind."""

    provider: WillingProvider
    done: subprocess.CompletedProcess[str]
    files: dict[str, str]

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.files["output/report.json"])


def run_project(folder: Path, change: Callable[[str], str]) -> Ran:
    """Run the project in a process of its own, each program's text as `change` gives it; no warning is let pass."""
    sources = folder / "src"
    for path in (*PROJECT.rglob("*.py"), *PROJECT.rglob("*.yaml")):
        copy = sources / path.relative_to(PROJECT / "src")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(change(path.read_text()) if path.suffix == ".py" else path.read_text())
    if change is moved:  # found before the compat member
        for name in ("crewai", "crewai_tools"):
            (sources / f"{name}.py").write_text("raise ImportError('the project still asks for CrewAI')")
    work = folder / "work"
    work.mkdir()
    together = {PARALLEL_TASKS: 2, RESEARCH_OF_ALL: 2 * len(TOPICS), ALL_DRAFTS: len(TOPICS)}
    with WillingProvider(forms=form_of, arguments=argument, together=together) as provider:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(sources), **provider.variables}
        command = [sys.executable, "-W", "error", "-m", "newsroom.main"]
        done = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    files = {str(path.relative_to(work)): path.read_text() for path in work.rglob("*") if path.is_file()}
    return Ran(provider, done, files)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    changes = dict(zip(WAYS, (lambda text: text, moved), strict=True))
    return {way: run_project(tmp_path_factory.mktemp("moving"), change) for way, change in changes.items()}


@pytest.fixture(params=WAYS)
def ran(request: pytest.FixtureRequest, runs: dict[str, Ran]) -> Ran:
    return runs[request.param]


def told(body: dict[str, Any]) -> str:
    """Return a call's messages as one text."""
    return "\n".join(message["content"] or "" for message in body["messages"])


def results(body: dict[str, Any]) -> list[str]:
    """Return what tools gave, as the model is told."""
    return [message["content"] for message in body["messages"] if message["role"] == "tool"]


def test_moving_changes_import_lines_and_nothing_else() -> None:
    changed = 0
    for text in programs().values():
        for before, after in zip(text.splitlines(), moved(text).splitlines(), strict=True):
            if before != after:
                changed += 1
                assert IMPORT.match(before)
                assert before.partition(" import ")[2] == after.partition(" import ")[2]
        assert not re.search(r"\bcrewai", moved(text))
    assert changed == len(MOVES) + 3  # three modules are imported from by two programs


def test_it_ends_well_without_a_warning_or_a_word_on_stderr(ran: Ran) -> None:
    assert (ran.done.returncode, ran.done.stderr) == (0, "")
    assert ran.done.stdout == "published after 2 drafts\n"


def test_both_ways_leave_the_same_files_and_ask_the_same(runs: dict[str, Ran]) -> None:
    untouched, rewritten = runs.values()
    for ran in (untouched, rewritten):
        ran.files["desk.log"] = "\n".join(sorted(ran.files["desk.log"].splitlines()))  # crews side by side write it
    assert untouched.files == rewritten.files
    assert sorted(map(told, untouched.provider.bodies)) == sorted(map(told, rewritten.provider.bodies))


def test_tasks_inputs_and_crews_that_may_overlap_do(ran: Ran) -> None:
    # None of these calls was answered before all of them waited.
    assert ran.provider.met == [PARALLEL_TASKS, RESEARCH_OF_ALL, ALL_DRAFTS]
    assert ran.provider.counts.peak == 2 * len(TOPICS)


def test_the_flow_ran_both_crews_and_its_cycle(ran: Ran) -> None:
    asked = [task for task in ran.provider.counts.asked if FLOW in task]
    once_each = [task for number, task in enumerate(asked) if task not in asked[:number]]
    assert [task.split()[0] for task in once_each[2:]] == ["Write", "Draft", "Edit", "Judge"]
    assert {task.split()[0] for task in once_each[:2]} == {"Search", "Look"}
    assert [len(ran.provider.calls_for(f"{first} the article about {FLOW}")) for first in ("Edit", "Judge")] == [4, 2]
    assert ran.report["flow"]["state"]["drafts"] == 2


def test_agents_are_told_what_the_yaml_files_say(ran: Ran) -> None:
    search = ran.provider.calls_for(f"Search the web for news about {FLOW}")[0]
    system, user = (message["content"] for message in search["messages"])
    for words in (
        f"{FLOW} Web Researcher",
        f"Find the latest news about {FLOW}",
        f"You have followed {FLOW} for years",
    ):
        assert words in system
    assert "A list of facts with their sources" in user
    draft = ran.provider.calls_for(f'Draft an article about {FLOW}, under the headline "News of {FLOW}"')[0]
    assert "in this style: plain words" in told(draft)


def test_a_task_is_told_of_its_context_and_no_other_task(ran: Ran) -> None:
    (brief,) = ran.provider.calls_for(f"Write a brief about {FLOW} for divers.")
    assert f"re: Search the web for news about {FLOW}." in told(brief)
    assert f"re: Look through the archive for articles about {FLOW}." in told(brief)
    verdict = ran.provider.calls_for(f"Judge the article about {FLOW}.")[0]
    assert f"re: Edit the article about {FLOW}." in told(verdict)
    assert "Draft" not in told(verdict)


def test_before_kickoff_completes_the_inputs_and_after_kickoff_changes_the_output(ran: Ran) -> None:
    briefs = [task for task in ran.provider.counts.asked if task.startswith("Write a brief")]
    assert sorted(briefs[1:]) == sorted(f"Write a brief about {topic} for the general public." for topic in TOPICS)
    assert all(brief["raw"].endswith("\n\nSigned: the research desk") for brief in ran.report["briefs"])


def test_the_model_that_the_yaml_names_is_asked_with_its_parameters(ran: Ran) -> None:
    assert {body["model"] for body in ran.provider.bodies} == {"gpt-4o-mini"}
    by_analysts = ran.provider.calls_for("Write a brief")
    assert [body for body in ran.provider.bodies if "temperature" in body] == by_analysts
    assert {body["temperature"] for body in by_analysts} == {0.1}


def test_tools_of_the_library_and_of_the_project_are_called(ran: Ran) -> None:
    assert sorted(ran.provider.counts.searches) == sorted([FLOW, *TOPICS])
    found, page = results(ran.provider.calls_for(f"Search the web for news about {FLOW}")[1])
    assert "It is known." in found
    assert "refused: it leads to a loopback address" in page  # where CrewAI's would have read it
    (archived,) = results(ran.provider.calls_for(f"Look through the archive for articles about {FLOW}")[1])
    assert archived.startswith("The archive has two articles for 'Written for: Look")
    (counted,) = results(ran.provider.calls_for(f"Draft an article about {FLOW}")[1])
    assert re.fullmatch(r"\d+ words", counted)
    for topic in (FLOW, *TOPICS):
        assert ran.files[f"{topic}.txt"] == f"Written for: Edit the article about {topic}."


def test_answers_in_a_form_are_instances_that_belong_to_their_run(ran: Ran) -> None:
    report = ran.report
    assert report["flow"]["state"]["brief"] == form_of("ResearchBrief", FLOW)
    for topic, brief, verdict in zip(TOPICS, report["briefs"], report["verdicts"], strict=True):
        assert {name: brief[name] for name in ("headline", "findings")} == form_of("ResearchBrief", topic)
        assert {name: verdict[name] for name in ("title", "score")} == form_of("Verdict", topic)


def test_output_files_hold_the_outputs_of_their_runs(ran: Ran) -> None:
    for topic in (FLOW, *TOPICS):
        assert json.loads(ran.files[f"output/{topic.replace(' ', '-')}/brief.json"]) == form_of("ResearchBrief", topic)
    assert ran.files["output/front_page.md"] == f"# News of {FLOW}\n\nre: Edit the article about {FLOW}.\n"


def test_callbacks_are_called_with_each_output_of_their_task(ran: Ran) -> None:
    expected = [
        line
        for topic in (FLOW, FLOW, *TOPICS)
        for line in (
            f'Writer: re: Draft an article about {topic}, under the headline "News of {topic}".',
            f"Editor: re: Edit the article about {topic}.",
        )
    ]
    assert sorted(ran.files["desk.log"].splitlines()) == sorted(expected)


def test_the_runs_usage_adds_up_to_what_the_provider_counted(ran: Ran) -> None:
    report = ran.report
    parts = [report["flow"]["state"], *report["briefs"], *report["verdicts"]]
    assert [part["calls"] for part in parts] == [15, *[5] * 6]
    assert sum(part["calls"] for part in parts) == len(ran.provider.bodies)
    assert [part["tokens"] for part in parts] == [15 * part["calls"] for part in parts]
