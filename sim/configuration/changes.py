"""Describe the changes that a policy or scenario makes, according to its YAML file.

The help, the reference, the form, the pages and the policy table of the documentation all use these texts, so that none
of them can omit a number. Only YAML is read, so that the help starts quickly. The previous value of a number, in a text
such as `5, from 10` or `times 3 (60 to 180)`, is the value declared in `configs/rules`, before any draw.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sim.data.configs import folder_of, folder_of_group, read_yaml
from sim.data.own import EVENTS, file_of, files_of, own_file, own_yaml, remembered
from sim.data.own_rules import numbers_files
from sim.errors import unknown
from sim.wording import name_of_post

TRAITS = {
    "soldiers": "share of soldiers' units admitted",
    "families": "share of waiting families admitted",
    "room": "factor on the room",
}
HOW = ("set", "scale", "shift")  # ways in which a choice changes a number, in the order in which they apply
FEW = 3  # largest number of posts named individually in a text
DATES = {"start_date": "first day", "end_date": "last day"}
CHANGES = DATES | {
    "policy": "policy {group}",
    "number": "{meaning} ({unit})",
    "attention": "attention of the Taliban to the region {region} (factor)",
    "post": "{trait} at {posts}",
    "value": "{value}",
    "from": "{value}, from {before}",
    "as_declared": "{value}, as declared",
    "as_by_default": "{value}, as by default",
    "as_at_other_posts": "as at other posts, from {before}",
    "times": "times {value} ({before} to {after})",
    "plus": "plus {value} ({before} to {after})",
    "minus": "minus {value} ({before} to {after})",
    "struck": "struck ({date})",
    "struck_before": "struck (no such event)",
    "date": "on {value}",
    "date_from": "on {value}, from {before}",
    "condition": "{condition} {value}",
    "condition_from": "{condition} {value}, from {before}",
    "and": "{first} and {last}",
    "reworded": "reworded",
}
Posts = Mapping[str, Mapping[str, float]]  # values by post and trait


class Words(NamedTuple):
    """An English text that may have a translation, with the values of its placeholders."""

    kind: str  # kind of text, such as changes, numbers, units, traits, events, conditions, groups or choices
    name: str  # subject of the text; kind and name together identify the text in a language
    text: str
    gaps: Mapping[str, "Words | str"] = {}

    def filled(self, text_of: Callable[["Words"], str] | None = None) -> str:
        """Return the text with its placeholders filled in.

        Args:
            text_of: Function that returns the translation of `text`, with the same placeholders; None for English.
        """
        text = self.text if text_of is None else text_of(self)
        gaps = {key: one if isinstance(one, str) else one.filled(text_of) for key, one in self.gaps.items()}
        return text.format(**gaps) if gaps else text


def change_words(name: str, **gaps: Words | str) -> Words:
    """Return one of the texts in CHANGES, with the values of its placeholders."""
    return Words("changes", name, CHANGES[name], gaps)


class Change(NamedTuple):
    """Description of one change that a choice makes."""

    key: str  # changed key, such as calls.flights_per_day, timeline.events.bagram_handed_over or attention.Northern
    about: Words  # meaning of the changed number, date, post or event
    how: Words  # the change itself, such as `times 3 (60 to 180)`

    @property
    def change(self) -> str:
        """The change alone."""
        return self.how.filled()

    @property
    def short(self) -> str:
        """The key, followed by the change."""
        return f"{self.key} {self.change}"

    @property
    def long(self) -> str:
        """The meaning, followed by the change."""
        return self.described()

    def described(self, text_of: Callable[[Words], str] | None = None) -> str:
        """Return the meaning, followed by the change, in a language (see `Words.filled`)."""
        return f"{self.about.filled(text_of).rstrip('.')}: {self.how.filled(text_of)}"


@remembered()
def content_of(path: Path) -> Mapping[str, Any]:
    """Return the content of a YAML file, which is read only once."""
    return read_yaml(path)


def default_choices() -> dict[str, str]:
    """Return the default choice of each group."""
    rows = content_of(folder_of("configs") / "config.yaml")["defaults"]
    return {key: value for row in rows if isinstance(row, Mapping) for key, value in row.items()}


def groups() -> dict[str, list[str]]:
    """Return the choices of each group of settings, with the default choice first."""
    return {
        group: [usual, *(name for name in files_of(group) if name != usual)]
        for group, usual in default_choices().items()
    }


def describing_groups() -> tuple[str, ...]:
    """Return the groups whose default choice has an `about` text: policies, theories and scenarios."""
    return tuple(group for group, usual in default_choices().items() if "about" in section_of(group, usual))


def about_of(group: str, name: str) -> str:
    """Return the title of a choice or, if its file has none, its `about` text, on one line.

    Args:
        group: Group of the choice: a group of policies, `theory` or `scenario`.
        name: Name of the choice, which is also the name of its file.
    """
    section = section_of(group, name)
    return " ".join(str(section.get("title") or section.get("about", "")).split())


def title_of_scenario(name: str) -> str:
    """Return the name of a scenario with its title, so that `july_2021` is not mistaken for history.

    Args:
        name: Name of the scenario, which may no longer exist.

    Returns:
        A text such as `july_2021 (Decisions as reported)`; the name alone if the scenario is unknown or has no title.
    """
    title = about_of("scenario", name) if name in files_of("scenario") else ""
    return f"{name} ({title})" if title else name


def section_of(group: str, name: str) -> Mapping[str, Any]:
    """Return the part of a choice's YAML file that describes it.

    This is the whole file, except for a scenario, where it is the section `scenario`.

    Args:
        group: Group of the choice: a group of policies, `theory` or `scenario`.
        name: Name of the choice, which is also the name of its file.
    """
    content = content_of(file_of(group, name))
    return content.get("scenario", {}) if group == "scenario" else content


@remembered()
def describe_changes(group: str, name: str) -> tuple[Change, ...]:
    """List everything that a choice changes: numbers, dates, attention to regions, posts and dated events.

    Args:
        group: Group of the choice: a group of policies, `theory` or `scenario`.
        name: Name of the choice, which is also the name of its file.

    Returns:
        The changes in the order in which they apply. For a scenario, the changes of its base scenario and of the
        policies that it chooses come first.

    Raises:
        PanjError: If a file is missing or damaged, or names a number that is not declared.
    """
    content, section = content_of(file_of(group, name)), section_of(group, name)
    found: list[Change] = []
    if group == "scenario":
        for row in content.get("defaults", []):
            found += describe_changes(group, row) if isinstance(row, str) and row != "_self_" else ()
            for key, choice in row.items() if isinstance(row, Mapping) else ():
                chosen = key.removeprefix("override /")
                about = change_words("policy", group=Words("groups", chosen, chosen))
                value, before = (
                    Words("choices", f"{chosen}.{one}", one) for one in (choice, default_choices()[chosen])
                )
                found.append(Change(chosen, about, change_words("from", value=value, before=before)))
                found += describe_changes(chosen, choice)
        found += [
            Change(key, change_words(key), change_words("value", value=str(content[key])))
            for key in DATES
            if key in content
        ]
    found += numbers_changed(section)
    for region, weight in section.get("attention", {}).items():
        found.append(attention_changed(region, f"{weight:g}", "1"))
    usual = usual_section(group, name)
    found += posts_changed(section.get("posts", {}), usual.get("posts", {}))
    found += events_changed(section)
    found += undone(usual, section)
    return tuple(found)


def usual_section(group: str, name: str) -> Mapping[str, Any]:
    """Return the section of the default choice of a group, which another choice replaces; empty for the default."""
    usual = default_choices()[group]
    return {} if group == "scenario" or name == usual else section_of(group, usual)


def undone(usual: Mapping[str, Any], section: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the changes to numbers, regions and posts that the default choice makes and another choice does not.

    Args:
        usual: Section of the default choice.
        section: Section of the other choice, in whose place these numbers have their declared values again.
    """
    kept = values_of(section)
    for key, before in values_of(usual).items():
        value = declared(key)["value"]
        if key not in kept and value != before:
            yield number_changed(key, "from", value=f"{value:g}", before=f"{before:g}")
    for region, weight in usual.get("attention", {}).items():
        if region not in section.get("attention", {}):
            yield attention_changed(region, "1", f"{weight:g}")
    there = section.get("posts", {})
    for post, change in usual.get("posts", {}).items():
        for trait, amount in change.items():
            if trait not in there.get(post, {}):
                yield post_changed(trait, [post], change_words("as_at_other_posts", before=f"{amount:g}"))


def numbers_changed(section: Mapping[str, Any]) -> Iterator[Change]:
    """Yield one change for each number that a choice sets, scales or shifts."""
    for how, key, amount, before, after in steps_of(section):
        said = {
            "set": "from" if amount != before else "as_declared",
            "scale": "times",
            "shift": "plus" if amount > 0 else "minus",
        }
        size = abs(amount) if how == "shift" else amount
        yield number_changed(key, said[how], value=f"{size:g}", before=f"{before:g}", after=f"{after:g}")


def steps_of(section: Mapping[str, Any]) -> Iterator[tuple[str, str, float, float, float]]:
    """Yield how a choice changes a number, the key of the number, the amount, and the value before and after."""
    values: dict[str, float] = {}
    for how in HOW:
        for key, amount in section.get(how, {}).items():
            before = values.get(key, declared(key)["value"])
            values[key] = amount if how == "set" else before * amount if how == "scale" else before + amount
            yield how, key, amount, before, values[key]


def values_of(section: Mapping[str, Any]) -> dict[str, float]:
    """Return the value of every number that a choice sets, scales or shifts."""
    return {key: after for _, key, _, _, after in steps_of(section)}


def number_changed(key: str, said: str, **gaps: str) -> Change:
    """Return the change of a number, with its meaning and unit."""
    row = declared(key)
    meaning, unit = (Words(kind, row[part], row[part]) for kind, part in (("numbers", "meaning"), ("units", "unit")))
    about = change_words("number", meaning=meaning, unit=unit)
    return Change(key.removeprefix("rules."), about, change_words(said, **gaps))


def attention_changed(region: str, value: str, before: str) -> Change:
    """Return the change of the attention of the Taliban to a region."""
    about = change_words("attention", region=Words("regions", region, region))
    return Change(f"attention.{region}", about, change_words("from", value=value, before=before))


def declared(key: str) -> Mapping[str, Any]:
    """Return the declaration of a number in `configs/rules`, or raise PanjError if there is none."""
    rule, _, name = key.removeprefix("rules.").partition(".")
    path = numbers_files().get(rule) or folder_of("configs") / "rules" / f"{rule}.yaml"
    rows = content_of(path) if path.is_file() else {}
    if name not in rows:
        raise unknown("policy", key, [f"{rule}.{name}" for name in rows])
    return rows[name]  # type: ignore[no-any-return]


def posts_changed(posts: Posts, usual: Posts) -> Iterator[Change]:
    """Yield the changes that a choice makes to posts, grouping posts with the same changes.

    Args:
        posts: The values that the choice gives to posts.
        usual: Those that the default choice gives; empty for the default choice itself.
    """
    alike: dict[tuple[str, float, str], list[str]] = {}
    for post, change in posts.items():
        for trait, value in change.items():
            said = "as_by_default" if usual.get(post, {}).get(trait) == value else "value"
            alike.setdefault((trait, value, said), []).append(post)
    for (trait, value, said), names in alike.items():
        yield post_changed(trait, names, change_words(said, value=f"{value:g}"))


def post_changed(trait: str, posts: Sequence[str], how: Words) -> Change:
    """Return the change of a trait of some posts."""
    key = f"({len(posts)} posts)" if len(posts) > FEW else ",".join(posts)
    said = Words("traits", trait, TRAITS[trait])
    about = change_words("post", trait=said, posts=", ".join(map(name_of_post, posts)))
    return Change(f"posts.{key}.{trait}", about, how)


def events_changed(section: Mapping[str, Any]) -> Iterator[Change]:
    """Yield one change for each dated event that a choice moves, changes, adds or deletes (`strike`)."""
    timeline: dict[str, Mapping[str, Any]] = {}
    for path in folder_of_group("timeline").glob("*.yaml"):
        timeline |= content_of(path)["events"]
    for name, row in own_yaml(own_file(EVENTS)).items():
        timeline[name] = {**timeline.get(name, {}), **(row if isinstance(row, Mapping) else {})}
    for name in section.get("strike", []):
        row = timeline.get(name, {})
        how = change_words("struck", date=str(row["date"])) if "date" in row else change_words("struck_before")
        yield Change(f"timeline.events.{name}", meaning_of(name, row), how)
    for name, columns in section.get("events", {}).items():
        before = timeline.get(name, {})
        after = {**before, **columns}
        said = [
            column_changed(column, before, after)
            for column in ("date", "value")
            if column in after and after[column] != before.get(column)
        ]
        if len(said) > 1:
            said = [change_words("and", first=said[0], last=said[1])]
        yield Change(f"timeline.events.{name}", meaning_of(name, after), *(said or [change_words("reworded")]))


def column_changed(column: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Words:
    """Describe how the date or the value of an event changes."""
    gaps: dict[str, Words | str] = {"value": str(after[column])}
    if column in before:
        gaps["before"] = str(before[column])
    if column != "date":
        condition = str(after.get("condition", column))
        gaps["condition"] = Words("conditions", condition, condition.replace("_", " "))
    what = "date" if column == "date" else "condition"
    return change_words(f"{what}_from" if column in before else what, **gaps)


def meaning_of(name: str, row: Mapping[str, Any]) -> Words:
    """Return the text of an event or, if it has none, its name."""
    text = str(row.get("text") or name.replace("_", " "))
    return Words("events", text, text)
