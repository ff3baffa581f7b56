"""The import names crewai and crewai_tools: CrewAI's API level, aiocrew's objects, and plain words when not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import aiocrew
import crewai
import crewai_tools


def run(program: str, *, beside: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `program` in a new Python; `beside` is a folder of further installed distributions."""
    path = f"import sys; sys.path.append({str(beside)!r})\n" if beside else ""
    return subprocess.run([sys.executable, "-c", path + program], capture_output=True, text=True, check=False)


def test_the_version_is_the_level_of_the_api_and_the_engine_says_its_own() -> None:
    done = run("import crewai; print(crewai.__version__)")
    assert (done.stdout, done.stderr) == ("0.80.0\n", "")
    assert crewai.__aiocrew__ == aiocrew.__version__


def test_every_served_name_is_aiocrews_own_object() -> None:
    for module in (crewai, crewai_tools):
        for name in module.__all__:
            assert getattr(module, name) is getattr(aiocrew, name)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("crewai.agent", "Agent"),
        ("crewai.task", "Task"),
        ("crewai.crew", "Crew"),
        ("crewai.process", "Process"),
        ("crewai.llm", "LLM"),
        ("crewai.tools", "BaseTool, tool"),
        ("crewai.tools.base_tool", "BaseTool"),
        ("crewai.crews", "CrewOutput"),
        ("crewai.crews.crew_output", "CrewOutput"),
        ("crewai.tasks", "TaskOutput"),
        ("crewai.tasks.task_output", "TaskOutput"),
        ("crewai.tasks.output_format", "OutputFormat"),
        ("crewai.types.usage_metrics", "UsageMetrics"),
    ],
)
def test_crewais_modules_hold_crewais_names(module: str, names: str) -> None:
    exec(f"from {module} import {names}", {})


@pytest.mark.parametrize("statement", ["from crewai import Pipeline", "import crewai.pipeline.pipeline"])
def test_what_is_not_built_says_so_when_it_is_imported(statement: str) -> None:
    with pytest.raises(ImportError, match=r"crewai\.\w+ is not there: .* aiocrew does not have"):
        exec(statement, {})


def test_what_is_not_built_says_so_as_an_attribute_and_can_be_asked_for() -> None:
    with pytest.raises(AttributeError, match=r"crewai_tools\.DallETool is not there"):
        _ = crewai_tools.DallETool
    assert not hasattr(crewai, "Pipeline")


@pytest.mark.parametrize(("module", "distribution"), [("crewai", "crewai"), ("crewai_tools", "crewai-tools")])
def test_the_real_distribution_beside_it_is_an_import_error(tmp_path: Path, module: str, distribution: str) -> None:
    metadata = tmp_path / f"{module}-9.9.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 9.9\n")
    done = run(f"import {module}", beside=tmp_path)
    assert done.returncode == 1
    assert f"ImportError: {distribution} 9.9 and aiocrew-as-crewai are both installed" in done.stderr
    assert f"pip uninstall {distribution}" in done.stderr
