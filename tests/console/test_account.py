"""The readable account: one line an event, nothing that drives the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.console.account import printable
from aiocrew.crew.crew import Crew
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel


async def test_nothing_is_printed_unless_verbose(capsys):
    await one_task_crew(ScriptedModel("ok")).kickoff_async()
    assert capsys.readouterr() == ("", "")


async def test_a_verbose_crew_or_agent_accounts_on_stderr(capsys):
    agent = agent_with(ScriptedModel("the \x1b[31manswer\nin lines"), verbose=True)
    await Crew(agents=[agent], tasks=[task_for(agent, name="Job")]).kickoff_async()
    out, err = capsys.readouterr()
    assert out == ""
    assert "Analyst starts: Job" in err
    assert "Analyst answers: the \\x1b[31manswer\\nin lines" in err
    assert len({line.split()[0] for line in err.splitlines()}) == 1


@given(st.text())
def test_what_is_shown_is_one_printable_line(text):
    assert printable(text).isprintable()


async def test_a_stream_that_nobody_reads_fails_no_run(monkeypatch):
    class Broken:
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Broken())
    assert (await one_task_crew(ScriptedModel("ok"), verbose=True).kickoff_async()).raw == "ok"
