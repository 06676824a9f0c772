"""Contagion is weak where no spearhead is near."""

import numpy as np


def test_outside_a_province_under_pressure_one_fall_causes_fewer_than_one_further_fall(compiled):
    further = np.array(compiled["further_falls"])
    upper = further.mean() + 2.0 * further.std() / np.sqrt(further.size)
    assert upper < 1.0, f"one fall causes {further.mean():.2f} further falls in 30 days ({further.size} seeds)"


def test_a_fall_is_felt_at_all(compiled):
    assert np.any(np.array(compiled["further_falls"]) != 0)
