"""Tests that the Mesa model equals the compiled campaign on every day, and that its agents are views of rows."""

import copy
import gc
import inspect
import re
import warnings
import weakref
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import mesa
import numpy as np
import pandas as pd
import pytest
from board import calm_rules, facts_of, timeline_of
from mesa.datacollection import DataCollector

from sim.configuration.compose import compose_settings
from sim.engine import world as world_module
from sim.engine.campaign import Campaign, Series, run_campaign
from sim.engine.invariants import check, linked_units
from sim.engine.layout import fresh, lay_out
from sim.engine.world import NOBODY, Count, Holder, Mode, Role, UnitKind, UnitState, World
from sim.errors import CampaignError, PanjError
from sim.model import ENUMERATIONS, TAKEN, BorderCrisis, District, Force, Post, Refugee, Trait, Unit, Window
from sim.outcome import read_outcomes
from sim.study.columns import rows_of

KINDS = {District: "districts", Unit: "units", Force: "forces", Post: "posts", Refugee: "refugees"}
SEED = 3
MIDDLE = 1


@pytest.fixture(scope="module")
def summer():
    """Return settings of the real country for twelve days."""
    return compose_settings(["end_date=2021-05-13"])


@pytest.fixture(scope="module")
def stepped(summer):
    """Return a model that was stepped to its last day."""
    model = BorderCrisis(summer, rng=SEED)
    for _ in range(summer.days):
        model.step()
    return model


def board_config(days=6, **changes):
    """Return a config of three districts; any object with the attributes of `Config` can be one."""
    rules = calm_rules(**changes)
    facts = facts_of()
    return SimpleNamespace(
        facts=facts, layout=lay_out(facts, rules, {}, {}), rules_of=lambda _seed: rules,
        seed_of=lambda seed: seed, doubt="", timeline=timeline_of(), start_date=date(2021, 5, 1), days=days,
    )  # fmt: skip


@pytest.fixture
def model():
    """Return a model of three districts at the end of day 0."""
    return BorderCrisis(board_config(), rng=SEED)


def frighten(model):
    """Set the greatest possible dread in every district, so that families leave on the next day."""
    model.agents_by_type[District].set("dread", 1.0)


def arrays_of(group, name=""):
    """Return every array of a world or record, by name."""
    if isinstance(group, np.ndarray):
        return {name: group}
    parts = [arrays_of(part, f"{name}.{trait}") for trait, part in group._asdict().items()]
    return {key: array for part in parts for key, array in part.items()}


def assert_same(one, other):
    for name, array in arrays_of(one).items():
        assert np.array_equal(array, arrays_of(other)[name]), name


def test_stepping_to_the_end_equals_the_campaign_in_every_array(summer, stepped):
    campaign = run_campaign(summer.layout.world, summer.rules_of(SEED), summer.timeline, SEED, summer.days)
    assert_same(campaign.world, stepped.world)
    assert_same(campaign.record, stepped.record)


def test_so_it_does_when_families_leave():
    config = board_config(days=8)
    config.layout.world.districts.dread.fill(1.0)
    campaign = run_campaign(config.layout.world, config.rules_of(SEED), config.timeline, SEED, config.days)
    model = BorderCrisis(config, rng=SEED)
    assert_same(campaign.world, model.run().world)
    assert len(model.agents_by_type[Refugee]) == campaign.world.tally[Count.REFUGEE_ROWS] > 0


def test_run_goes_on_to_the_last_day_and_gives_the_campaign(model):
    model.step()
    campaign = model.run()
    assert isinstance(campaign, Campaign)
    assert (campaign.seed, model.day, model.date, model.running) == (SEED, 6, date(2021, 5, 7), False)
    assert campaign.world is model.world and campaign.record is model.record


def test_a_new_model_is_at_the_end_of_day_0(model):
    assert (model.day, model.date, model.running) == (0, date(2021, 5, 1), True)
    assert model.record.series[0].any() and not model.record.series[1:].any()


def test_a_step_is_a_day(model):
    model.step()
    assert (model.day, model.date) == (1, date(2021, 5, 2))
    assert model.record.series[1].any() and not model.record.series[2:].any()


def test_mesa_runs_it_too(model):
    model.run_model()
    assert model.day == 6 and not model.running


@pytest.mark.parametrize("key", ["rng", "config", "scenario", "border"])
@pytest.mark.parametrize("table", [pd.DataFrame({"a": [1, 2]}), np.zeros((2, 2))], ids=["DataFrame", "array"])
def test_a_table_where_a_single_value_is_expected_is_refused_in_one_sentence(key, table):
    with pytest.raises(PanjError, match=f"^{key}: found an? {type(table).__name__} of 2 x") as refused:
        BorderCrisis(**{key: table})
    assert "\n" not in str(refused.value)


def test_stepping_past_the_last_day_is_refused_and_changes_nothing(model):
    model.run()
    series = model.record.series.copy()
    with pytest.raises(PanjError, match=r"step: found day 6, which is the last \(2021-05-07\)"):
        model.step()
    assert model.day == 6 and np.array_equal(series, model.record.series)


@pytest.mark.parametrize("wrong", [-1, 2**63, 1.0, "7", True, np.random.default_rng(1)])
def test_rng_must_be_a_seed(wrong):
    with pytest.raises(PanjError, match=r"^rng: found .*, expected a seed, a whole number from 0"):
        BorderCrisis(board_config(), rng=wrong)


def test_another_seed_has_other_draws(summer, stepped):
    other = BorderCrisis(summer, rng=SEED + 1)
    assert not np.array_equal(other.world.districts.resolve, stepped.world.districts.resolve)


def test_models_and_their_config_share_nothing_that_is_written(model):
    before = model.config.layout.world.units.men.copy()
    other = BorderCrisis(model.config, rng=SEED)
    model.agents_by_type[Unit].set("men", 0)
    assert np.array_equal(model.config.layout.world.units.men, before)
    assert other.world.units.men.sum() > 0


def test_a_campaign_without_space_is_an_error():
    crowded = BorderCrisis(board_config(flight={"rows": 2, "people_per_row": 1}), rng=SEED)
    frighten(crowded)
    with pytest.raises(CampaignError, match="seed 3, day 1: the space for refugee rows"):
        crowded.step()


def test_every_row_has_its_agent(stepped):
    assert set(stepped.agents_by_type) == set(KINDS)
    for kind, group in KINDS.items():
        filled = stepped.world.tally[Count.REFUGEE_ROWS] if kind is Refugee else getattr(stepped.world, group)[0].size
        assert [agent.row for agent in stepped.agents_by_type[kind]] == list(range(filled))
    assert len(stepped.agents_by_type[District]) == 399 and len(stepped.agents_by_type[Post]) == 13


def test_refugees_are_listed_before_any_have_left_and_appear_when_they_leave(model):
    assert len(model.agents_by_type[Refugee]) == 0
    for _ in range(2):
        frighten(model)
        model.step()
        families = model.agents_by_type[Refugee]
        assert len(families) == model.world.tally[Count.REFUGEE_ROWS] > 0
    assert families.agg("people", sum) == model.world.tally[Count.PEOPLE_DISPLACED]
    assert len({agent.unique_id for agent in model.agents}) == len(model.agents)


@pytest.mark.parametrize(("kind", "group"), KINDS.items())
def test_every_trait_of_a_group_is_on_its_window(kind, group, model):
    frighten(model)
    model.step()
    rows = getattr(model.world, group)
    for trait in rows._fields:
        assert isinstance(getattr(kind, trait), Trait)
        for agent in list(model.agents_by_type[kind])[:3]:
            value = getattr(agent, trait)
            assert value == getattr(rows, trait)[agent.row] and not isinstance(value, np.generic)


def test_the_enumerations_are_those_that_the_world_names():
    source = Path(world_module.__file__).read_text(encoding="utf-8")
    for group, named in ENUMERATIONS.items():
        body = source.split(f"class {World.__annotations__[group].__name__}(NamedTuple)")[1].split("\n\n\n")[0]
        found = re.findall(r"(\w+): Whole  # .*?`(\w+)`", body)
        expected = {trait: kind for trait, kind in found if inspect.isclass(getattr(world_module, kind, None))}
        assert {trait: kind.__name__ for trait, kind in named.items()} == expected


def test_enumerations_and_names_are_read_as_such(model):
    middle = model.agents_by_type[District][MIDDLE]
    unit, force = model.agents_by_type[Unit][0], model.agents_by_type[Force][0]
    assert (middle.name, middle.province_name, middle.holder) == ("Middle", "Kunduz", Holder.GOVERNMENT)
    assert isinstance(middle.holder, Holder) and isinstance(unit.kind, UnitKind) and isinstance(unit.role, Role)
    assert isinstance(unit.state, UnitState) and isinstance(force.mode, Mode)
    assert model.agents_by_type[Post][0].name == "post_1"


def test_writing_through_a_window_changes_one_row_of_one_array(model):
    before = {name: array.copy() for name, array in arrays_of(model.world).items()}
    middle = model.agents_by_type[District][MIDDLE]
    middle.dread = 0.5
    middle.holder = Holder.TALIBAN
    assert model.world.districts.dread.tolist() == [0.0, 0.5, 0.0]
    assert model.world.districts.holder.tolist() == [0, 1, 0]
    changed = [name for name, array in arrays_of(model.world).items() if not np.array_equal(array, before[name])]
    assert changed == [".districts.holder", ".districts.dread"]


def test_garrisons_follow_what_was_written_to_their_units(model):
    day_zero = fresh(model.world)
    holding = [unit for unit in model.agents_by_type[Unit] if unit.state == UnitState.HOLDING and unit.men > 0]
    leaver, other = holding[0], holding[-1]
    leaver.state = UnitState.RESERVE
    other.district = leaver.district
    model.step()
    check(model.world, day_zero, 1)
    assert leaver.row not in linked_units(model.world, leaver.district)


def test_a_garrison_meets_its_fate_when_its_district_is_written_to_the_taliban(model):
    model.step()
    held = next(unit for unit in model.agents_by_type[Unit] if unit.state == UnitState.HOLDING and unit.men > 0)
    model.agents_by_type[District].select(lambda district: district.row == held.district).set("holder", Holder.TALIBAN)
    model.step()
    assert not [row for row in linked_units(model.world, held.district) if model.world.units.men[row] > 0]


def test_reading_through_a_window_sees_what_was_written_to_the_array(model):
    model.world.districts.at_home[MIDDLE] = 17
    assert model.agents_by_type[District][MIDDLE].at_home == 17


@pytest.mark.parametrize(
    ("trait", "value", "expected"),
    [
        ("population", 0.5, "a whole number"),
        ("population", "many", "a whole number"),
        ("holder", 7, "one of GOVERNMENT, TALIBAN"),
        ("holder", NOBODY, "one of GOVERNMENT, TALIBAN"),
        ("dread", "great", "a number"),
        ("is_hub", 1, "True or False"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(model, trait, value, expected):
    middle = model.agents_by_type[District][MIDDLE]
    before = getattr(middle, trait)
    with pytest.raises(PanjError, match=rf"^District.{trait}: found {value!r}, expected {expected}"):
        setattr(middle, trait, value)
    assert getattr(middle, trait) == before


def test_numbers_of_numpy_may_be_written(model):
    middle = model.agents_by_type[District][MIDDLE]
    middle.at_home, middle.dread, middle.is_hub = np.int64(9), np.float64(0.25), np.True_
    assert (middle.at_home, middle.dread, middle.is_hub) == (9, 0.25, True)


def test_a_trait_may_not_take_the_name_of_something_that_agents_have():
    with pytest.raises(TypeError, match=r"units\.home: "):

        class Clash(Window, group="units"):
            home = "taken"

    for group in ENUMERATIONS:
        for trait in World.__annotations__[group]._fields:
            assert trait not in TAKEN and not hasattr(mesa.Agent, trait)


def test_agent_sets_select_aggregate_get_and_set(model):
    districts = model.agents_by_type[District]
    assert len(districts.select(lambda district: district.holder == Holder.TALIBAN)) == 0
    assert districts.agg("population", sum) == model.world.districts.population.sum()
    districts.select(lambda district: district.name != "Middle").set("dread", 0.5)
    assert districts.get("dread") == [0.5, 0.0, 0.5]
    assert {kind: len(units) for kind, units in model.agents_by_type[Unit].groupby("kind")}[UnitKind.COMMANDO] == 3


def test_settings_by_keyword_give_the_rows_that_a_study_stores():
    settings = compose_settings(["end_date=2021-05-03", "border=closed", "rules.news.fade_days=5"])
    model = BorderCrisis(border="closed", end_date=date(2021, 5, 3), rng=SEED, **{"rules.news.fade_days": np.int64(5)})
    model.run_model()
    assert model.config.fingerprint() == settings.fingerprint()
    campaign = run_campaign(
        settings.layout.world, settings.rules_of(SEED), settings.timeline, settings.seed_of(SEED), settings.days
    )
    facts, start = settings.facts, settings.start_date
    rows = rows_of(campaign, read_outcomes(facts, start, settings.days), facts, start)
    frame = model.datacollector.get_model_vars_dataframe()
    assert np.array_equal(frame[[kind.name.lower() for kind in Series]].to_numpy(float), rows.series)
    assert model.outcomes() == rows.outcomes
    posts = model.datacollector.get_agenttype_vars_dataframe(Post)
    assert np.array_equal(posts["crossed"].unstack().to_numpy(), rows.crossed)
    assert np.array_equal(posts["waiting"].unstack().to_numpy(), rows.waiting)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"border": "shut"}, "border"), ({"bordr": "open"}, "bordr"), ({"border": ["open", "closed"]}, "border"),
        ({"runs": 5}, "runs"), ({"executor": "dask"}, "executor"), ({"scenario": "nowhere"}, "scenario"),
        ({"scenario": 7}, "scenario"), ({"rules.news.fade_days": "many"}, "rules.news.fade_days"),
        ({"seed": 1}, "seed"), ({"end_date": "2020-01-01"}, "end_date"), ({"morale": pd.DataFrame()}, "morale"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_its_key(settings, key):
    with pytest.raises(PanjError, match=f"^{re.escape(key)}"):
        BorderCrisis(rng=SEED, **settings)


def test_settings_are_given_as_a_config_or_by_keyword():
    with pytest.raises(PanjError, match=r"^border: "):
        BorderCrisis(board_config(), rng=SEED, border="closed")


def test_a_model_without_a_seed_draws_one_that_repeats_it():
    one, other = BorderCrisis(board_config()), BorderCrisis(board_config())
    assert one.seed != other.seed
    assert_same(BorderCrisis(board_config(), seed=one.seed).run().world, one.run().world)


def test_time_counts_days(model):
    model.step()
    model.step()
    assert model.time == model.day == 2


def test_a_copy_goes_on_like_the_model_and_apart_from_it(model):
    frighten(model)
    model.step()
    other = copy.deepcopy(model)
    first = model.run()
    assert other.day == 1 and not np.array_equal(other.record.series, first.record.series)
    assert_same(first.world, other.run().world)
    assert_same(first.record, other.record)
    assert len(other.agents_by_type[Refugee]) == len(model.agents_by_type[Refugee]) > 0


def test_frames_have_every_day_that_was_run(model):
    collector = model.datacollector
    model.agents_by_type[District].select(lambda district: district.name == "River").set("holder", Holder.TALIBAN)
    model.step()
    frame = collector.get_model_vars_dataframe()
    assert frame["date"].tolist() == [pd.Timestamp(2021, 5, 1), pd.Timestamp(2021, 5, 2)]
    assert frame["districts_held_by_taliban"].tolist() == [0, 1] and set(frame["seed"]) == {SEED}
    holder = collector.get_agenttype_vars_dataframe(District)
    assert holder.index.names == ["Step", "AgentID"] and holder["holder"].tolist() == [0, 0, 0, 0, 0, 1]
    assert holder.loc[1]["name"].tolist() == ["Capital", "Middle", "River"]
    both = collector.get_agent_vars_dataframe()
    assert len(both) == 2 * (3 + model.world.posts.district.size) and both["holder"].dropna().sum() == 1
    with pytest.warns(UserWarning, match="Unit"):
        assert collector.get_agenttype_vars_dataframe(Unit).empty


def test_outcomes_need_the_last_day(model):
    with pytest.raises(PanjError, match=r"^outcomes: found day 0 of 6"):
        model.outcomes()


@pytest.mark.skipif(not hasattr(mesa, "batch_run"), reason="Mesa 4 has no batch_run")
def test_batch_run_gives_the_last_day_of_every_campaign():
    parameters = {"border": ["open", "closed"], "end_date": "2021-05-03"}
    if "rng" in inspect.signature(mesa.batch_run).parameters:
        rows = mesa.batch_run(BorderCrisis, parameters, rng=[SEED], display_progress=False)
    else:
        rows = mesa.batch_run(BorderCrisis, parameters | {"rng": SEED}, display_progress=False)
    frame = pd.DataFrame(rows)
    assert frame["border"].tolist() == ["open", "closed"] and set(frame["seed"]) == {SEED}
    assert set(frame["date"]) == {date(2021, 5, 3)}
    alone = BorderCrisis(border="closed", end_date="2021-05-03", rng=SEED)
    alone.run_model()
    last = alone.datacollector.get_model_vars_dataframe().iloc[-1]
    assert all(frame[name][1] == last[name] for name in ("people_displaced_total", "mean_morale", "mean_dread"))


def test_a_scenario_of_mesa_gives_settings_and_a_seed():
    scenarios = pytest.importorskip("mesa.experimental.scenarios", reason="Mesa 3.3 has no scenarios")

    class Closed(scenarios.Scenario):
        border: str = "closed"
        end_date: str = "2021-05-03"

    one, same, other = (BorderCrisis(scenario=Closed(rng=rng)) for rng in (SEED, SEED, SEED + 1))
    assert one.config.choices["border"] == "closed" and one.config.days == 2 and one.scenario.border == "closed"
    assert one.seed == same.seed != other.seed
    assert BorderCrisis(scenario=Closed(), border="open", rng=SEED).seed == SEED
    assert BorderCrisis(scenario=Closed(), border="open").config.choices["border"] == "open"


def test_a_data_collector_reads_model_and_agents(model):
    collector = DataCollector(
        model_reporters={"date": "date", "taliban": lambda model: int((model.world.districts.holder == 1).sum())},
        agenttype_reporters={District: {"name": "name", "dread": "dread"}, Refugee: {"people": "people"}},
    )
    collector.collect(model)
    frighten(model)
    model.step()
    collector.collect(model)
    days = collector.get_model_vars_dataframe()
    assert days["date"].tolist() == [date(2021, 5, 1), date(2021, 5, 2)] and days["taliban"].tolist() == [0, 0]
    districts = collector.get_agenttype_vars_dataframe(District)
    assert districts["name"].tolist() == ["Capital", "Middle", "River"] * 2
    assert (districts["dread"][:3] == 0).all() and (districts["dread"][3:] > 0).all()
    assert collector.get_agenttype_vars_dataframe(Refugee)["people"].sum() == model.world.tally[Count.PEOPLE_DISPLACED]


def test_a_collector_of_ones_own_takes_the_place_of_the_record(model):
    model.datacollector = DataCollector(agent_reporters={"row": "row"})
    model.datacollector.collect(model)
    assert set(model.datacollector.get_agent_vars_dataframe().columns) == {"row"}


class NoFear(BorderCrisis):
    """Example of a model written by a user: there is never any dread in the given districts."""

    def __init__(self, config, rng, places=("River",)):
        super().__init__(config, rng=rng)
        self.places = places

    def step(self):
        self.agents_by_type[District].select(lambda district: district.name in self.places).set("dread", 0.0)
        super().step()


def test_a_user_may_act_before_each_day_in_a_subclass():
    plain, calm = (kind(board_config(), rng=SEED) for kind in (BorderCrisis, NoFear))
    for model in (plain, calm):
        frighten(model)
        model.step()
    left = [population.population - population.at_home for population in plain.agents_by_type[District]]
    left_calm = [population.population - population.at_home for population in calm.agents_by_type[District]]
    assert left[2] > 0 == left_calm[2]
    assert left[:2] == left_calm[:2]
    assert calm.run() and calm.day == 6


def test_a_subclass_that_adds_agents_of_its_own_disturbs_no_draw():
    class Watched(BorderCrisis):
        def step(self):
            mesa.Agent(self)
            self.random.random()
            self.rng.random()
            super().step()

    assert_same(BorderCrisis(board_config(), rng=SEED).run().world, Watched(board_config(), rng=SEED).run().world)


def test_mesa_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "overflow encountered in scalar", RuntimeWarning)
        model = BorderCrisis(board_config(days=2), rng=SEED)
        frighten(model)
        model.run()


@pytest.mark.skipif(mesa.__version__.startswith("3.3"), reason="Mesa 3.3 counts agents in a dict that keeps models")
def test_a_model_that_nobody_holds_is_let_go():
    model = BorderCrisis(board_config(), rng=SEED)
    model.step()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
