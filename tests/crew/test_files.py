"""Output files: whole or not at all, and never outside their folder."""

from __future__ import annotations

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.crew.files import output_path, write_whole
from aiocrew.errors import BlueprintError, TaskError
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel


async def test_the_output_is_written_where_the_filled_path_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    agent = agent_with(ScriptedModel("the report"))
    crew = Crew(agents=[agent], tasks=[task_for(agent, output_file="reports/{topic}.md")])
    await crew.kickoff_async({"topic": "whales"})
    assert (tmp_path / "reports" / "whales.md").read_text() == "the report"
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["whales.md"]


@pytest.mark.parametrize("topic", ["../x", "../../etc/passwd", "a/../../x", "/etc/passwd"])
def test_inputs_cannot_lead_out_of_the_folder(topic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if topic == "/etc/passwd":
        assert output_path("reports/{topic}.md", {"topic": topic}, ("task", "t")) == str(
            tmp_path / "reports/etc/passwd.md"
        )
        return
    with pytest.raises(BlueprintError, match="leads out of its folder"):
        output_path("reports/{topic}.md", {"topic": topic}, ("task", "t"))


def test_a_path_that_is_all_input_stays_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert output_path("{name}", {"name": "a/b.md"}, ("task", "t")) == str(tmp_path / "a/b.md")
    for name in ("/etc/passwd", "..", ".", "../b"):
        with pytest.raises(BlueprintError):
            output_path("{name}", {"name": name}, ("task", "t"))


def test_a_failed_write_leaves_nothing(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(str(target), "text", create_directory=True, token="x")
    assert list(tmp_path.iterdir()) == [target]


async def test_without_create_directory_a_missing_folder_fails_the_task(tmp_path):
    agent = agent_with(ScriptedModel("text"))
    task = task_for(agent, "T", output_file=str(tmp_path / "no" / "x.md"), create_directory=False)
    with pytest.raises(
        TaskError, match=r"FileNotFoundError: .* output_file: No such file .*, and create_directory is off: '.*x\.md'"
    ):
        await Crew(agents=[agent], tasks=[task]).kickoff_async()


def test_an_empty_path_is_refused():
    with pytest.raises(ValueError, match="output_file is empty"):
        task_for(agent_with(ScriptedModel()), output_file=" ")


async def test_an_input_whose_path_leads_away_fails_alone(tmp_path):
    agent = agent_with(ScriptedModel(by=lambda _: "text"))
    crew = Crew(agents=[agent], tasks=[task_for(agent, output_file=str(tmp_path / "{topic}.md"))])
    outcomes = await crew.kickoff_for_each_async([{"topic": "fine"}, {"topic": "../../x"}])
    assert [outcome.ok for outcome in outcomes] == [True, False]
    assert isinstance(outcomes[1].error, BlueprintError)


def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path):
    target = tmp_path / ("人" * 80 + ".md")
    write_whole(str(target), "bad \ud83d pair", create_directory=True, token="0" * 32)
    assert target.read_text() == "bad ? pair"
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_not_wanted_any_more_is_not_written(tmp_path):
    write_whole(str(tmp_path / "x.md"), "text", create_directory=True, token="t", wanted=lambda: False)
    assert list(tmp_path.iterdir()) == []
