"""However the records came, the warehouse is the one that linking and building everything at once gives.

The center's own steps take sealed batches; a second center gets the same batches, links them at once
and builds them by a full refresh. Every relation of every layer and of linkage is compared, row for row.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest.center.build import build
from ingest.progress import silent
from ingest.reference import store
from ingest.reference.reading import read
from ingest.reference.tables import tables
from tests.handmade import demo_workspace
from tests.integration.center_world import run_killed
from tests.property.incremental_center import Center, differences
from tests.property.incremental_story import Story
from tests.property.incremental_world import END, OPERATIONS, Operation, World

pytestmark = pytest.mark.xdist_group("incremental")

FAULTS = (
    "receive.opened", "receive.landed", "receive.committed", "receive.noted",
    "link.written", "link.committed",
    "build.begun", "build.ran", "build.closing", "build.closed",
)  # fmt: skip
HALF_BUILDS = {
    "half: staging": ("path:models/staging",),
    "half: members": ("path:models/staging", "path:models/intermediate", "enrolment", "person_month"),
    "half: marts": ("path:models/staging", "path:models/intermediate", "path:models/marts"),
    "half: figures": (
        "path:models/staging",
        "path:models/intermediate",
        "path:models/marts",
        "path:models/rollups/facts",
    ),
}
NOBODY_FROZE = {"published.edition", "published.own_edition_change"}  # what is called final no load and no build makes
MEMBERS = "SELECT count(DISTINCT person_id) FROM marts.enrolment"

Chapter = tuple[Sequence[Operation], str]  # what happens, and how far the center then gets

NUMBERS = st.integers(0, 63)
OPERATION = st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(0, 99), NUMBERS, NUMBERS)
STEP = st.sampled_from(["build", "receive", "link", "set back", *FAULTS, *HALF_BUILDS])


def chapters(most: int, longest: int) -> st.SearchStrategy[list[Chapter]]:
    """Some operations, then as much of the center's work as the step says; once or several times."""
    return st.lists(st.tuples(st.lists(OPERATION, min_size=3, max_size=longest), STEP), min_size=1, max_size=most)


def load_public_tables(home: Path) -> None:
    """Residents and deaths by age of the towns whose care insurers send certifications."""
    bands = [*(f"{low}～{low + 4}歳" for low in range(0, 95, 5)), "95歳以上"]
    towns = ("16201", "16208", "16209", "16210")
    for table, column, each in (("population", "人口", 500), ("deaths", "死亡数", 3)):
        lines = [f"2023,{town},{sex},{band},{each},架空の統計" for town in towns for sex in "男女" for band in bands]
        content = "\n".join([f"年,地域コード,性別,年齢階級,{column},出典", *lines])
        store.put(home, read(tables()[table], content.encode(), f"{table}.csv"))


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world whose first batches went through every step of the center, dbt's own tests included."""
    workspace = tmp_path_factory.mktemp("settled")
    demo_workspace(workspace)
    world = World(workspace)
    load_public_tables(world.center.settings.the_center().home)
    world.send()
    world.center.receive()
    world.center.link()
    assert build(world.center.settings, silent)["full_refresh"]
    return world


def test_a_story_of_every_kind_of_change_ends_as_if_it_had_been_told_at_once(settled: World, tmp_path: Path) -> None:
    world = settled.copied(tmp_path / "step by step")
    center, story = world.center, Story(world)

    story.people_come()
    world.send()
    assert run_killed(center.settings, "ingest.center.receive", "receive", "receive.landed") == 137
    center.end_half_way(HALF_BUILDS["half: members"])
    center.bring_up()

    story.records_change()
    world.send()
    center.receive()
    assert run_killed(center.settings, "ingest.center.link", "link", "link.written") == 137
    assert center.die_at("build.begun")
    center.bring_up()
    assert_equals_full_refresh(center, tmp_path / "at once")

    apart = center.one(MEMBERS)
    story.two_turn_out_to_be_one()
    world.send()
    center.hesitate()
    center.build()
    assert center.one(MEMBERS) == apart - 1
    assert_equals_full_refresh(center, tmp_path / "at once")

    story.one_turns_out_to_be_two()
    world.send()
    center.bring_up()
    assert center.one(MEMBERS) == apart

    for which, code in ((3, 0), (11, 4), (3, 2), (5, 3)):  # words of a person: merge, split, apart, undo
        world.sites["16"].decide(which, 5, code)
    story.two_are_said_to_be_one()
    assert center.die_at("link.written")
    center.bring_up()
    assert center.one("SELECT count(*) FROM link.alias WHERE reason = 'manual'")
    assert_equals_full_refresh(center, tmp_path / "at once")
    empty = {name for name, table in center.content().items() if not table.num_rows}
    assert empty == NOBODY_FROZE, "nothing was compared"


@pytest.mark.long  # random sequences take batches back as well
def test_a_batch_taken_back_leaves_what_stood_before_it_and_may_come_again(settled: World, tmp_path: Path) -> None:
    world = settled.copied(tmp_path / "step by step")
    center, story = world.center, Story(world)
    story.people_come()
    world.send()
    center.move_to(END)  # the story moves the month of reference on, at most to there
    center.bring_up()
    before = center.content()

    story.records_change()
    center.move_to(END)
    story.two_turn_out_to_be_one()
    world.sites["16"].send()
    center.bring_up()
    assert differences(center.content(), before), "the batches change something"
    for batch in (-1, -2, -3):  # the records, and the two tables of counts sent before them
        world.sites["16"].retract(batch)
    assert center.die_at("receive.landed")
    assert center.die_at("link.written")
    center.bring_up()

    told = differences(center.content(), before)
    assert not told, told
    assert_equals_full_refresh(center, tmp_path / "at once")


@settings(
    max_examples=3,  # the first that Hypothesis draws is the empty one
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=chapters(most=1, longest=12))
def test_any_sequence_ends_as_if_it_had_come_at_once(
    settled: World, tmp_path_factory: pytest.TempPathFactory, drawn: list[Chapter]
) -> None:
    _hold(settled, tmp_path_factory.mktemp("any"), drawn)


@pytest.mark.long
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=chapters(most=4, longest=20))
def test_any_long_sequence_ends_as_if_it_had_come_at_once(
    settled: World, tmp_path_factory: pytest.TempPathFactory, drawn: list[Chapter]
) -> None:
    _hold(settled, tmp_path_factory.mktemp("any_long"), drawn)


def assert_equals_full_refresh(center: Center, folder: Path) -> None:
    """The center holds what another one holds that got everything at once."""
    told = differences(center.content(), center.rebuilt(folder).content())
    assert not told, "\n".join(f"{name}: {difference}" for name, difference in told.items())


def go_on(world: World, drawn: Sequence[Chapter]) -> None:
    """Let things happen; after each chapter the center comes as far as its step says."""
    center = world.center
    for operations, step in drawn:
        for operation in operations:
            world.apply(operation)
        world.send()
        if step in HALF_BUILDS:
            center.end_half_way(HALF_BUILDS[step])
        elif step in FAULTS:
            center.die_at(step)
        elif step == "build":
            center.bring_up()
        elif step == "set back":
            center.hesitate()
        else:
            center.receive()
            if step == "link":
                center.link()


def _hold(settled: World, folder: Path, drawn: list[Chapter]) -> None:
    world = settled.copied(folder / "step by step")
    go_on(world, drawn)
    world.center.bring_up()
    assert_equals_full_refresh(world.center, folder / "at once")
