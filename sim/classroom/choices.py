"""The policy groups that a claim may choose from, and a choice of settings in few words."""

from functools import cache
from typing import NamedTuple

from sim.classroom.claims import Words
from sim.classroom.desk import the_desk
from sim.classroom.words import words_of
from sim.parameters import read_yaml
from sim.study.words import choices_of, file_of

GROUPS = ("reinforcement", "morale", "border", "air_support", "mobilisation", "taliban")


class Group(NamedTuple):
    """One decision: what it is usually, and what else it may be, with what each means."""

    name: str
    usual: str
    about: dict[str, str]  # by choice


@cache
def groups() -> tuple[Group, ...]:
    """All decisions, the usual choice of each first."""
    usual = the_desk().settings(()).choices
    return tuple(
        Group(name, usual[name], {choice: about(name, choice) for choice in ordered(name, usual[name])})
        for name in GROUPS
    )


def ordered(group: str, usual: str) -> list[str]:
    """Choices of a group, the usual one first."""
    return sorted(choices_of(group), key=lambda choice: (choice != usual, choice))


def about(group: str, choice: str) -> str:
    """What a choice means, in the words of its file."""
    return " ".join(str(read_yaml(file_of(group, choice)).get("about", "")).split())


def chosen_in(words: Words) -> dict[str, str]:
    """The choice of each group that these words set."""
    pairs = (word.partition("=")[::2] for word in words)
    return {key: value for key, value in pairs if key in GROUPS}


def words_for(chosen: dict[str, str], rest: Words = ()) -> Words:
    """Words for choices that are not the usual ones, after others that set no group."""
    usual = {group.name: group.usual for group in groups()}
    kept = [word for word in rest if word.partition("=")[0] not in GROUPS]
    return tuple(kept + [f"{name}={choice}" for name, choice in chosen.items() if choice != usual[name]])


def say_choice(words: Words) -> str:
    """`border closed, morale brittle`; the baseline where nothing is set."""
    if not words:
        return words_of("class").say("choice_baseline")
    return ", ".join(word.replace("=", ": ").replace("_", " ") for word in words)
