"""The summary in the terminal is read by people: no false digits, and dates as dates."""

import pytest

from sim.execution.console import format_end, format_interval
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
