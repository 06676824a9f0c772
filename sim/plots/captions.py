"""Texts for captions and pages: campaigns and their reliability, names of cells and parameters."""

import textwrap

from sim.study.reader import Study, StudyCell
from sim.wording import counted, paragraph, significant, span_of


def describe_campaigns(shown: Study) -> str:
    """Say how many campaigns were run, of which scenario, and where their parameters come from.

    Args:
        shown: One cell of a study, or all of its cells.

    Returns:
        One to three sentences; failed campaigns and a single campaign are always mentioned.
    """
    if shown.focus is None:
        finished = [cell.finished for cell in shown.cells]
        campaigns = f"{counted(sum(finished), 'campaign')}, {span_of(finished)} in each of {len(finished):,} cells"
        scenario, calibration = shown.about["scenario"], shown.about["calibration"]
        failed, single = sum(cell.failed for cell in shown.cells), "One campaign in a cell" * (max(finished) == 1)
    else:
        cell = shown.cell
        campaigns, failed, calibration = counted(cell.finished, "campaign"), cell.failed, cell.calibration
        scenario = f"{cell.values.get('scenario', shown.about['scenario'])}{f', {cell.label}' if cell.label else ''}"
        single = "One campaign" * (cell.finished == 1)
    return paragraph(
        f"{campaigns}, scenario {scenario}, {calibration}.",
        f"{single}: one roll of the dice." if single else "",
        describe_failures(failed),
    )


def describe_failures(failed: int) -> str:
    """Say how many campaigns failed: `2 campaigns failed and are left out.`; empty for none."""
    return f"{counted(failed, 'campaign')} failed and {'is' if failed == 1 else 'are'} left out." if failed else ""


def name_cell(sweep: Study, cell: StudyCell) -> str:
    """A short name of a cell: `reinforcement none, contagion 0.3`."""
    return ", ".join(f"{name_key(sweep, key)} {format_setting(value)}" for key, value in cell.values.items())


def name_key(sweep: Study, key: str) -> str:
    """The last part of a key, unless another swept key ends in it too."""
    last = key.rpartition(".")[2]
    alone = sum(other.rpartition(".")[2] == last for other in sweep.swept) == 1
    return last.replace("_", " ") if alone and not key.startswith("timeline.") else key


def format_setting(value: object) -> str:
    """A swept value: words without underscores, numbers to four figures."""
    return significant(value, 4) if isinstance(value, float) else str(value).replace("_", " ")


def name_number(key: str) -> str:
    """The name of a parameter: `rules.news.fade_days` is `news: fade days`."""
    _, rule, number = key.split(".")
    return f"{rule}: {number.replace('_', ' ')}"


def wrap_number(key: str) -> str:
    """The same, wrapped to narrow lines."""
    return "\n".join(textwrap.wrap(name_number(key).replace(": ", " "), 13, break_long_words=False))


def true_minus(text: str) -> str:
    """Replace hyphens by minus signs, which are as wide as a plus."""
    return text.replace("-", "−")


def cite(*cells: str) -> list[str]:
    """The ids of evidence in cells such as `F001, F064; F065`, each once."""
    return list(dict.fromkeys(id for cell in cells for id in cell.replace(";", " ").replace(",", " ").split()))
