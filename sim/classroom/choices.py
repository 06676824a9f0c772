"""The decisions that a claim makes on its sheet, and a choice of settings in few words."""

from collections.abc import Mapping

from sim.classroom.claims import Words
from sim.classroom.fields import POLICIES, say_change
from sim.classroom.form import Form
from sim.classroom.merging import put
from sim.classroom.typed import read_words
from sim.classroom.words import words_of


def chosen_in(words: Words) -> dict[str, str]:
    """The choice of each policy group with these words."""
    form = read_words(words).form
    return {group: str(form.value(group)) for group in POLICIES}


def words_for(given: Mapping[str, str], before: Words) -> Words:
    """The words with the decisions of a sheet; PanjError for a decision that there is not."""
    form = read_words(before).form
    for group in POLICIES:
        if group in given and given[group] != form.value(group):
            form = put(form, group, given[group])
    return form.words()


def rest_of(words: Words) -> Words:
    """What these words set beside the decisions of the sheet."""
    return tuple(word for word in words if word.partition("=")[0] not in POLICIES)


def say_choice(words: Words) -> str:
    """`Border: closed; Help for garrisons: every call is answered`; the baseline where nothing is set."""
    return say_change(read_words(words).form, Form()) if words else words_of("class").say("choice_baseline")
