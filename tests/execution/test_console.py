"""The summary in the terminal is read by people: no false digits, and dates as dates."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from sim.execution.console import Progress, ends_of, format_end, format_interval
from sim.study.columns import SummaryRow


def row(unit: str, low: str, median: str, high: str) -> SummaryRow:
    return SummaryRow("some", "Some", unit, "", None, None, None, "", median, low, high, 0, "")


@pytest.mark.parametrize(
    ("unit", "ends", "median", "interval"),
    [
        ("share", ("0.436341", "0.5", "0.612782"), "0.5", "0.436 to 0.613"),
        ("soldiers", ("142.25", "576.5", "1307.4"), "576", "142 to 1,307"),
        ("date", ("2021-06-22", "2021-07-04", "2021-07-05"), "2021-07-04", "2021-06-22 to 2021-07-05"),
        ("soldiers", ("", "", ""), "-", "-"),
    ],
)
def test_the_summary_has_no_false_digits(unit: str, ends: tuple[str, str, str], median: str, interval: str) -> None:
    found = row(unit, *ends)
    assert (format_end(found.median, found), format_interval(found)) == (median, interval)


@pytest.mark.parametrize(("total", "said"), [(1, "1 of 1 campaign"), (1200, "1 of 1,200 campaigns")])
def test_the_noun_of_the_progress_follows_the_number(total: int, said: str) -> None:
    backlog = SimpleNamespace(
        total=total, already=0, campaigns_done=1, failures=0, finished_cells=0, cells=[1], has_all_cells=True
    )
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    with Progress(backlog, console) as progress:  # type: ignore[arg-type]
        progress.bar.update(progress.task, completed=1)
        row = progress.bar.make_tasks_table(progress.bar.tasks)
        console.print(row)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert said in shown and (total > 1 or "campaigns" not in shown)


def test_a_single_campaign_has_no_interval() -> None:
    found = row("soldiers", "834", "834", "834")
    assert ends_of(found, is_single=True) == ["834"]
    assert ends_of(found, is_single=False) == ["834", "834 to 834"]
