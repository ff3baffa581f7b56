"""A run of a hundredth of the size: whether the table is whole, not what stands in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import main
from benchmarks.table import Row


@pytest.mark.timeout(120)
def test_a_small_run_fills_every_row_that_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "rows.json"
    groups = ["cpu", "five-thousand", "memory", "tool", "limits", "stream", "server"]
    main(["--quick", "--scale", "0.01", "--rounds", "1", "--json", str(report), "--rows", *groups])
    rows = msgspec.json.decode(report.read_bytes(), type=list[Row])
    assert [row.failed for row in rows] == [""] * 17
    assert all(row.ours is not None or row.bare is not None for row in rows)
    assert capsys.readouterr().out.startswith("row ")


def test_unknown_rows_are_refused() -> None:
    with pytest.raises(SystemExit, match=r"no such rows: speed"):
        main(["--rows", "speed"])
