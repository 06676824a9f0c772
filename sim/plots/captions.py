"""Write texts for captions and pages: sentences on the campaigns shown, and names of cells, keys and parameters."""

import textwrap

from sim.configuration.changes import title_of_scenario
from sim.study.reader import Study, StudyCell
from sim.wording import counted, paragraph, significant, span_of


def describe_campaigns(shown: Study) -> str:
    """Describe the campaigns shown: their number, their scenario and the source of their parameters.

    Args:
        shown: The study, restricted to one cell or with all of its cells.

    Returns:
        One to three sentences, which state whether any campaigns failed and whether only one was run.
    """
    if shown.focus is None:
        finished = [cell.finished for cell in shown.cells]
        campaigns = (
            f"{counted(sum(finished), 'simulated campaign')}, {span_of(finished)} in each of {len(finished):,} cells"
        )
        scenario, calibration = title_of_scenario(shown.about["scenario"]), shown.about["calibration"]
        failed, single = sum(cell.failed for cell in shown.cells), "One campaign in a cell" * (max(finished) == 1)
    else:
        cell = shown.cell
        campaigns, failed, calibration = counted(cell.finished, "simulated campaign"), cell.failed, cell.calibration
        name = str(cell.values.get("scenario", shown.about["scenario"]))
        scenario = f"{title_of_scenario(name)}{f', {cell.label}' if cell.label else ''}"
        single = "One campaign" * (cell.finished == 1)
    return paragraph(
        f"{campaigns}, scenario {scenario}, {calibration}.",
        f"{single}: another one would differ by chance." if single else "",
        describe_failures(failed),
    )


def describe_failures(failed: int) -> str:
    """Return the sentence on failed campaigns, such as `2 campaigns failed and are left out.`

    Args:
        failed: Number of failed campaigns.

    Returns:
        The sentence; empty if no campaign failed.
    """
    return f"{counted(failed, 'campaign')} failed and {'is' if failed == 1 else 'are'} left out." if failed else ""


def name_cell(sweep: Study, cell: StudyCell) -> str:
    """Name a cell by its swept values, such as `reinforcement none, contagion 0.3`.

    Args:
        sweep: A study with all its cells.
        cell: The cell.

    Returns:
        The name; empty if nothing was swept.
    """
    return ", ".join(f"{name_key(sweep, key)} {format_setting(value)}" for key, value in cell.values.items())


def name_key(sweep: Study, key: str) -> str:
    """Shorten a swept key to its last part if that is unambiguous.

    Args:
        sweep: A study with all its cells.
        key: A swept key, such as `rules.news.fade_days`.

    Returns:
        The last part with spaces instead of underscores, such as `fade days`. The whole key is returned if it is a key
        of the timeline, or if another swept key has the same last part.
    """
    last = key.rpartition(".")[2]
    alone = sum(other.rpartition(".")[2] == last for other in sweep.swept) == 1
    return last.replace("_", " ") if alone and not key.startswith("timeline.") else key


def format_setting(value: object) -> str:
    """Format a swept value for a label.

    Args:
        value: A choice, a number or a date.

    Returns:
        A float to four significant digits, any other value as text with spaces instead of underscores.
    """
    return significant(value, 4) if isinstance(value, float) else str(value).replace("_", " ")


def name_number(key: str) -> str:
    """Name a parameter of a rule.

    Args:
        key: The key, such as `rules.news.fade_days`.

    Returns:
        The names of the rule and of the parameter, such as `news: fade days`.
    """
    _, rule, number = key.split(".")
    return f"{rule}: {number.replace('_', ' ')}"


def wrap_number(key: str) -> str:
    """Name a parameter as `name_number` does, but without the colon and in lines of at most 13 characters.

    Args:
        key: The key, such as `rules.news.fade_days`.

    Returns:
        The name, with line breaks.
    """
    return "\n".join(textwrap.wrap(name_number(key).replace(": ", " "), 13, break_long_words=False))


def true_minus(text: str) -> str:
    """Replace hyphens in a number with minus signs, which are as wide as plus signs.

    Args:
        text: A formatted number.

    Returns:
        The number with minus signs.
    """
    return text.replace("-", "−")


def cite(*cells: str) -> list[str]:
    """Collect the evidence ids listed in the cells of a table.

    Args:
        cells: Lists of ids as text, such as `F001, F064; F065`.

    Returns:
        The ids in order of appearance, without duplicates.
    """
    return list(dict.fromkeys(id for cell in cells for id in cell.replace(";", " ").replace(",", " ").split()))
