"""Districts of the user's own for which Panj has no shape: maps are drawn without them and say so."""

import numpy as np
import pytest

from sim.data.facts import facts_here
from sim.data.shapes import note_on_shapes
from sim.plots import land, maps


def test_the_sentence_names_only_districts_without_a_shape():
    assert note_on_shapes(facts_here().district_id) == ""
    assert "AF0199." in note_on_shapes(["AF0101", "AF0199"])


def test_a_map_is_drawn_with_districts_in_any_order_and_one_without_a_shape(monkeypatch):
    usual, facts = land.read_land(), facts_here()
    codes = (facts.district_id[1], facts.district_id[0], "AF9999", *facts.district_id[3:])
    monkeypatch.setattr(land, "facts_here", lambda: facts._replace(district_id=codes))
    changed = land.read_land.__wrapped__()
    assert np.array_equal(changed.districts[0][0], usual.districts[1][0])
    assert np.ptp(changed.districts[2][0], axis=0).tolist() == [0, 0]
    assert changed.districts[2][0][0] == pytest.approx(changed.centres[2])
    assert len(maps.shapes_of(changed).get_paths()) == 399
