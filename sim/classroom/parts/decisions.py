"""The decisions of a claim as fields of a sheet."""

from typing import Any

from sim.classroom.choices import chosen_in
from sim.classroom.claims import Words
from sim.classroom.fields import POLICIES, fields_of
from sim.classroom.parts.sheet import Field, one_of


def decision_fields(words: Words, **more: Any) -> list[Field]:
    """A field a policy group, as these words choose."""
    chosen, fields = chosen_in(words), fields_of()
    return [
        one_of(
            group, fields[group].label, chosen[group],
            [{"value": one.name, "text": one.label, "help": one.help} for one in fields[group].options], **more,
        )
        for group in POLICIES
    ]  # fmt: skip
