"""Form to choose between free campaigns and campaigns that follow the record, for pages that show one campaign."""

import solara

from sim.classroom.desk import the_desk
from sim.classroom.hooks import chosen, followed, use_attempt
from sim.classroom.parts import Note, Trouble
from sim.classroom.parts.sheet import Given, Sheet, day_field, one_of, read_day
from sim.classroom.texts import texts_of
from sim.configuration.overrides import BASELINE, Override, Overrides
from sim.configuration.settings import Settings
from sim.configuration.worlds import FREE, RECORD, Worlds, followed_to, worlds_for
from sim.errors import PanjError


def sample() -> Worlds:
    """Read the shipped sample of worlds.

    Returns:
        The worlds.

    Raises:
        PanjError: There is no sample, or it was made with other rules or data.
    """
    return worlds_for(None, the_desk().settings(BASELINE).facts.fingerprint)


def following(overrides: Overrides, until: str) -> Overrides:
    """Return a choice of settings whose campaigns follow the record up to a day.

    Args:
        overrides: The choice of settings.
        until: The last day of the record to follow, as YYYY-MM-DD; empty for free campaigns.

    Returns:
        The choice with overrides for the day added, or unchanged if `until` is empty.
    """
    if not until:
        return overrides
    return overrides + Overrides.from_rows([Override.of("worlds", RECORD), Override.of("worlds.until", until)])


def watched_settings() -> Settings:
    """Return the settings of the campaigns that the visitor watches, which may follow the record.

    Raises:
        PanjError: The choice is invalid, or no worlds followed the record up to that day.
    """
    return the_desk().settings(following(chosen.value, followed.value))


@solara.component
def FollowForm() -> None:
    """Show the form for the kind of campaign and the last day to follow, or state that only free campaigns exist."""
    texts = texts_of("watch")
    trouble, attempt = use_attempt()
    try:
        worlds = sample()
    except PanjError:
        Note(texts.say("no_worlds"))
        return

    def show(given: Given) -> None:
        if given["kind"] == RECORD:
            until = read_day("worlds.until", given["until"]).isoformat()
            followed_to(worlds, until)
            followed.set(until)
        else:
            followed.set("")

    kinds = [{"value": one, "text": texts.say(f"kind_{one}")} for one in (FREE, RECORD)]
    start = the_desk().settings(BASELINE).start_date
    until = read_day("worlds.until", followed.value) if followed.value else worlds.until
    Sheet(
        [
            one_of("kind", texts.say("kind"), RECORD if followed.value else FREE, kinds, "radio"),
            {**day_field("until", texts.say("until"), until, start, worlds.until), "only": ["kind", RECORD]},
        ],
        texts.say("show"),
        lambda given: attempt(lambda: show(given)),
    )
    Trouble(trouble)
    if followed.value:
        shown = [texts.say("following", len(worlds.addresses), day=texts.day(until), last=texts.day(worlds.until))]
        if worlds.ancestors is not None:
            shown.append(texts.say("few", worlds.ancestors))
        Note(" ".join(shown), live=True)
