"""The page of the documentation names what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from aiocrew.seeing.otel.names import HTTP, GenAI, Own, Server
from tests.seeing.otel.test_metrics import waiting
from tests.seeing.otel.traces import Traces, virtually

PAGE = (Path(__file__).parents[3] / "docs" / "opentelemetry.md").read_text(encoding="utf-8")


def test_the_page_names_every_attribute_and_event_and_no_other() -> None:
    names = {value for kind in (GenAI, Server, HTTP, Own) for name, value in vars(kind).items() if name.isupper()}
    told = set(re.findall(r"`((?:gen_ai|openai|server|http|aiocrew|exception|error)[\w.]*)`", PAGE))
    ends = (".duration", "_calls", ".usage", "operation.time_to_first_chunk", "time_per_output_chunk")
    metrics = {name for name in told if name.endswith(ends)}
    assert told - metrics - {"aiocrew.otel", "openai"} == names


def test_the_page_names_every_metric_with_its_unit(traces: Traces) -> None:
    with traces.on():
        virtually(waiting().kickoff_async())
    for metric, unit in traces.units().items():
        row = next(line for line in PAGE.splitlines() if line.startswith("|") and f"`{metric}`" in line)
        assert unit in row


def test_the_first_program_of_the_page_prints_what_the_page_says() -> None:
    program = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)[0]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    said = ["chat demo", "invoke_agent Writer", "invoke_workflow explaining", "POST /explain"]
    assert (done.stdout.splitlines(), done.stderr) == (said, "")
    assert all(f"`{name}`" in PAGE for name in said)
