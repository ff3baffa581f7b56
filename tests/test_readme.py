"""The README's program runs as it is printed, on the offline model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_program_gives_an_answer_for_every_topic() -> None:
    programs = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    assert len(programs) == 1
    program = programs[0].replace('llm="openai/gpt-4o-mini"', 'llm="offline/demo"')
    assert program != programs[0]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "failed" not in done.stdout
    assert all(topic in done.stdout for topic in ("asyncio", "SQLite", "WebAssembly"))


def test_only_tested_versions_are_named() -> None:
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r"Programming Language :: Python :: (3\.\d+)", pyproject)
    sentence = re.search(r"Tested with CPython ([^\n]*) on", README)
    assert sentence is not None
    assert re.findall(r"3\.\d+", sentence[1]) == listed
