"""What the record promises: every figure sourced, dated, in range, and easy to find."""

import re
import shutil
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from shared import spoil

from sim.data.evidence import Evidence, credit_of, main, read_evidence, select, show
from sim.data.facts import DATA
from sim.errors import PanjError


@pytest.fixture(scope="module")
def rows() -> list[Evidence]:
    return read_evidence()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def ids(rows: Sequence[Evidence]) -> list[str]:
    return [row.id for row in rows]


def printed(rows: Sequence[Evidence]) -> str:
    paper = StringIO()
    show(rows, Console(file=paper, width=80))
    return paper.getvalue()


def test_there_are_87_figures(rows: list[Evidence]) -> None:
    assert len(rows) == len(set(ids(rows))) == 87


def test_the_posts_of_the_main_night_add_up(rows: list[Evidence]) -> None:
    assert sum(row.value or 0 for row in select(rows, ["quantity=crossing_by_post"])) == 1037


def test_conflicts_are_mutual(rows: list[Evidence]) -> None:
    by_id = {row.id: row for row in rows}
    assert all(row.id in by_id[other].conflicts for row in rows for other in row.conflicts)


@pytest.mark.parametrize(
    ("one", "other"), [("F002", "F037"), ("F010", "F090"), ("F012", "F086"), ("F013", "F001"), ("F064", "F075")]
)
def test_a_known_conflict_is_marked(rows: list[Evidence], one: str, other: str) -> None:
    assert other in select(rows, [f"id={one}"])[0].conflicts


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("source", ""),
        ("date_start", ""),
        ("date_end", "5 July"),
        ("date_start", "2021-07-08"),
        ("date_end", "2021-07-01"),
        ("low", "2000"),
        ("value", "-1"),
        ("value", "thousands"),
        ("use", "decoration"),
        ("confidence", ""),
        ("unit", ""),
        ("conflicts", "F999"),
        ("conflicts", "F001"),
    ],
)
def test_a_wrong_figure_is_refused_with_its_row(folder: Path, column: str, text: str) -> None:
    spoil(folder / "evidence.csv", 0, **{column: text})
    with pytest.raises(PanjError, match=rf"evidence\.csv line 2 \(F001\), {column}"):
        read_evidence(folder)


def test_a_low_above_the_high_is_refused_without_a_value(folder: Path) -> None:
    spoil(folder / "evidence.csv", 0, value="")
    spoil(folder / "evidence.csv", 0, low="1038")
    with pytest.raises(PanjError, match="at most 1037"):
        read_evidence(folder)


def test_a_figure_that_says_no_number_is_refused(folder: Path) -> None:
    for column in ("value", "low", "high"):
        spoil(folder / "evidence.csv", 0, **{column: ""})
    with pytest.raises(PanjError, match=r"\(F001\), value"):
        read_evidence(folder)


def test_filters_ignore_case_and_underscores(rows: list[Evidence]) -> None:
    found = ids(select(rows, ["quantity=Border Share"]))
    assert found == ids(select(rows, ["QUANTITY=border_share"])) == ["F008"]


def test_every_filter_must_be_met(rows: list[Evidence]) -> None:
    found = select(rows, ["use=input", "scope=afghanistan"])
    assert found
    assert all(row.use == "input" and "Afghanistan" in row.scope for row in found)


def test_plain_words_are_found_anywhere(rows: list[Evidence]) -> None:
    assert ids(select(rows, ["Raghestan"])) == ["F106"]
    assert "F005" in ids(select(rows, ["blocked crossing"]))


def test_no_filter_lets_every_row_through(rows: list[Evidence]) -> None:
    assert select(rows, []) == rows


def test_a_date_finds_figures_whose_days_cover_it(rows: list[Evidence]) -> None:
    on_the_third = ids(select(rows, ["date=2021-07-03"]))
    assert "F035" in on_the_third
    assert "F002" in on_the_third
    assert "F036" not in on_the_third
    assert set(on_the_third) <= set(ids(select(rows, ["date=2021-07"]))) <= set(ids(select(rows, ["date=2021"])))


def test_conflicts_and_sources_can_be_searched(rows: list[Evidence]) -> None:
    assert ids(select(rows, ["conflicts=F003"])) == ["F029"]
    assert {"F021", "F027"} <= set(ids(select(rows, ["source=khovar.tj"])))


def test_an_unknown_key_is_refused_with_the_nearest(rows: list[Evidence]) -> None:
    with pytest.raises(PanjError, match=r"found 'quantitty'.*did you mean 'quantity'\?"):
        select(rows, ["quantitty=troops"])


@pytest.mark.parametrize("text", ["date=July", "date=2021-7-5", "scope=", ""])
def test_a_filter_that_cannot_be_read_is_refused(rows: list[Evidence], text: str) -> None:
    with pytest.raises(PanjError, match="evidence filter"):
        select(rows, [text])


@pytest.mark.parametrize("text", ["id=F999", "conflicts=F999", "quantity=crosing", "use=calibrate", "confidence=sure"])
def test_a_name_that_no_row_has_is_refused_with_the_nearest(rows: list[Evidence], text: str) -> None:
    with pytest.raises(PanjError) as raised:
        select(rows, ["date=2021-07-05", text])
    assert raised.value.key == f"evidence {text.partition('=')[0]}"


def test_known_names_that_no_row_combines_find_nothing(rows: list[Evidence]) -> None:
    assert select(rows, ["id=F001", "date=1999"]) == []


def test_the_table_fits_80_columns(rows: list[Evidence]) -> None:
    text = printed(rows)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text


def test_the_table_says_what_how_much_when_where_who_and_for_what(rows: list[Evidence]) -> None:
    text = printed(select(rows, ["id=F002"]))
    for word in ("F002", "before main", "500 (500 to", "persons", "2021-06-20", "2021-07-04", "Tajikistan",
                 "Irish", "calibration", "F037"):  # fmt: skip
        assert word in text


def test_the_table_counts_its_rows_and_names_its_credits(rows: list[Evidence]) -> None:
    assert "1 row. " in printed(rows[:1])
    assert "3 rows. " in printed(rows[:3])
    assert "Long War" in printed(rows[:3])


@pytest.mark.parametrize(("one", "words"), [("F005", "at least 24"), ("F102", "at most 100"), ("F020", "0.5 to 1")])
def test_a_verbal_figure_shows_its_bound(rows: list[Evidence], one: str, words: str) -> None:
    assert words in " ".join(printed(select(rows, [f"id={one}"])).split())


def test_the_command_prints_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantity=border_share"]) == 0
    assert "0.667" in capsys.readouterr().out


def test_the_command_that_finds_nothing_lists_the_quantities(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zebra"]) == 0
    out = capsys.readouterr().out
    assert "No evidence matches zebra" in out
    assert "border_share_taliban" in out


def test_a_source_is_credited_without_our_own_marks(rows: list[Evidence]) -> None:
    marks = re.compile(r"\bseeds?\b|\bS\d\b|\.txt\b")
    assert not [row.source for row in rows if marks.search(f"{row.source} {row.source_url}")]


def test_a_mark_of_a_founding_article_becomes_its_name() -> None:
    assert credit_of("VOA/Reuters, 2021-07-05/06 (seed); S1,S3", "seed:002_x.txt") == (
        "VOA/Reuters, 2021-07-05/06; The National, RFE/RL via AMN"
    )
    assert credit_of("Survey S3, 2021", "https://example.org") == "Survey S3, 2021"
