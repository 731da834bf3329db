from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import ProjectError, StoreError
from mlops.services.audit import AuditLog
from mlops.services.promotion import Moved, challenge, promote, rollback, settle
from mlops.services.registry import CHALLENGER, CHAMPION, NewVersion
from mlops.services.target import Deployed, Phase, Served
from mlops.stage import Place
from tests.release_parts import JsonRegistry


class Desk:
    """A registry with three versions, and short words for what is done to it."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder, folder / ".mlops", "shop", "run-1")
        self.registry = JsonRegistry()
        for digest in "abc":
            self.registry.register(NewVersion("small", digest * 64, folder), self.place)

    def promote(self, version: int) -> Moved:
        return promote(self.registry, self.registry.find("small", str(version), self.place), self.place, why="better")

    def rollback(self) -> Moved:
        return rollback(self.registry, "small", self.place, why="worse")

    def challenge(self, version: int) -> None:
        challenge(self.registry, self.registry.find("small", str(version), self.place), self.place)

    def settle(
        self, leading: int, phase: Phase = "steady", *, tried: int | None = None, since: str = ""
    ) -> Moved | None:
        served = Served("small", leading, "abc"[leading - 1] * 64, "")
        note = "too slow" if phase == "aborted" else ""
        deployed = Deployed("shop", "file", phase, (served,), note=note, since=since)
        return settle(self.registry, deployed, self.place, tried=tried)

    @property
    def champion(self) -> int | None:
        found = self.registry.holder("small", CHAMPION, self.place)
        return found.version if found else None

    @property
    def challenger(self) -> int | None:
        found = self.registry.holder("small", CHALLENGER, self.place)
        return found.version if found else None

    @property
    def deeds(self) -> list[tuple[str, object]]:
        return [(deed.action, deed.facts["version"]) for deed in AuditLog(self.place.state).read("model/small")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_promoted_version_is_the_champion_and_that_is_written_down(desk: Desk) -> None:
    moved = desk.promote(1)
    assert (moved.champion.version, moved.previous, moved.changed) == (1, None, True)
    assert moved.champion.aliases == (CHAMPION,)
    assert (desk.champion, desk.deeds) == (1, [("promote", 1)])
    facts = AuditLog(desk.place.state).read()[0].facts
    assert (facts["why"], facts["previous"], facts["run"], facts["digest"]) == ("better", None, "run-1", "a" * 64)


def test_promoting_the_champion_changes_nothing(desk: Desk) -> None:
    desk.promote(1)
    assert not desk.promote(1).changed
    assert desk.deeds == [("promote", 1)]


def test_a_promoted_challenger_is_challenger_no_more(desk: Desk) -> None:
    desk.challenge(2)
    desk.promote(2)
    assert (desk.champion, desk.challenger) == (2, None)


def test_the_champion_does_not_challenge_itself(desk: Desk) -> None:
    desk.promote(1)
    desk.challenge(1)
    assert desk.challenger is None


def test_a_way_back_leads_through_every_champion(desk: Desk) -> None:
    for version in (1, 2, 3):
        desk.promote(version)
    assert [desk.rollback().champion.version, desk.rollback().champion.version] == [2, 1]
    with pytest.raises(ProjectError, match="no champion to go back to"):
        desk.rollback()


def test_a_version_that_was_rolled_back_is_not_gone_back_to(desk: Desk) -> None:
    desk.promote(1)
    desk.promote(2)
    desk.rollback()
    desk.promote(3)
    assert desk.rollback().champion.version == 1


def test_a_version_promoted_again_remembers_who_was_champion_between(desk: Desk) -> None:
    for version in (1, 2, 1):
        desk.promote(version)
    assert desk.rollback().champion.version == 2


def test_no_champion_at_all_is_said(desk: Desk) -> None:
    with pytest.raises(ProjectError, match="no version is or was"):
        desk.rollback()


def test_an_unknown_model_cannot_be_rolled_back(desk: Desk) -> None:
    with pytest.raises(ProjectError, match="there is no model 'smal'"):
        rollback(desk.registry, "smal", desk.place, why="worse")


def test_a_champion_moved_behind_our_back_is_written_down(desk: Desk) -> None:
    desk.promote(1)
    desk.registry.point("small", CHAMPION, version=3, place=desk.place)
    desk.promote(2)
    assert desk.deeds == [("promote", 1), ("noticed", 3), ("promote", 2)]
    assert desk.rollback().champion.version == 3


def test_a_promotion_cut_short_is_noticed_and_can_be_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.promote(1)
    with monkeypatch.context() as broken:
        broken.setattr(JsonRegistry, "point", _killed)
        with pytest.raises(KeyboardInterrupt):
            desk.promote(2)
    assert desk.champion == 1
    assert desk.promote(2).changed
    assert desk.deeds == [("promote", 1), ("promote", 2), ("noticed", 1), ("promote", 2)]
    assert desk.rollback().champion.version == 1


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_changed_log_stops_promotions(desk: Desk) -> None:
    desk.promote(1)
    path = desk.place.state / "audit" / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b"better", b"wetter"))
    with pytest.raises(StoreError, match="was changed"):
        desk.promote(2)
    assert desk.champion == 1


def test_a_challenger_that_leads_becomes_champion_once(desk: Desk) -> None:
    desk.promote(1)
    desk.challenge(2)
    moved = desk.settle(2)
    assert moved is not None
    assert (moved.champion.version, desk.champion, desk.challenger) == (2, 2, None)
    assert desk.settle(2) is None
    assert desk.deeds == [("promote", 1), ("promote", 2)]


def test_a_challenger_that_does_not_lead_waits(desk: Desk) -> None:
    desk.promote(1)
    desk.challenge(2)
    assert desk.settle(1) is None
    assert desk.settle(2, "rolling") is None
    assert (desk.champion, desk.challenger) == (1, 2)


def test_a_version_that_is_no_challenger_leads_without_becoming_champion(desk: Desk) -> None:
    desk.promote(1)
    assert desk.settle(3) is None
    assert desk.champion == 1


def test_a_challenger_whose_rollout_is_aborted_is_none_any_more(desk: Desk) -> None:
    desk.promote(1)
    desk.challenge(2)
    for _ in range(2):
        assert desk.settle(1, "aborted", tried=2) is None
    assert (desk.champion, desk.challenger) == (1, None)
    assert desk.deeds == [("promote", 1), ("dismiss", 2)]
    assert "too slow" in AuditLog(desk.place.state).read()[-1].facts["why"]


def test_the_version_tried_is_read_from_the_log(desk: Desk) -> None:
    desk.promote(1)
    desk.challenge(2)
    for version in (1, 2):
        AuditLog(desk.place.state).write("deploy", "deployment/shop", {"version": version})
    desk.settle(1, "aborted")
    assert desk.challenger is None


def test_an_aborted_rollout_leaves_a_later_challenger_alone(desk: Desk) -> None:
    desk.promote(1)
    desk.challenge(3)
    desk.settle(1, "aborted", tried=2)
    assert desk.challenger == 3


def test_a_champion_that_was_rolled_back_gives_way_to_what_serves(desk: Desk) -> None:
    desk.promote(1)
    desk.promote(2)
    moved = desk.settle(1, "aborted", tried=2)
    assert moved is not None
    assert (desk.champion, desk.deeds[-1]) == (1, ("rollback", 1))
    assert desk.settle(1, "aborted", tried=2) is None


def test_a_deployment_of_nothing_settles_nothing(desk: Desk) -> None:
    assert settle(desk.registry, Deployed("shop", "file", "steady"), desk.place) is None


def test_a_deployment_that_goes_back_twice_takes_the_champion_along(desk: Desk) -> None:
    for version in (1, 2, 3):
        AuditLog(desk.place.state).write("deploy", "deployment/shop", {"version": version})
        desk.promote(version)
    champions = []
    for leading in (2, 1):
        desk.settle(leading, "aborted", since="2999-01-01T00:00:00.000+00:00")
        champions.append(desk.champion)
    assert champions == [2, 1]


@pytest.mark.parametrize(
    ("since", "champion"), [("2000-01-01T00:00:00.000+00:00", 2), ("2999-01-01T00:00:00+00:00", 1), ("soon", 1)]
)
def test_who_is_promoted_after_the_way_back_stays_champion(desk: Desk, since: str, champion: int) -> None:
    desk.promote(1)
    desk.promote(2)
    desk.settle(1, "aborted", tried=2, since=since)
    assert desk.champion == champion
