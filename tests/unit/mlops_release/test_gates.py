from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats import Splits
from mlops.formats.artifact import Artifact
from mlops.formats.splits import PARTS
from mlops.formats.verdict import Verdict
from mlops.services.gate import Champion, Evidence, Gate
from mlops.services.registry import CHAMPION, NewVersion
from mlops.stage import Place
from mlops.testing import StageContract
from mlops.testing.evidence import make_champion, make_evidence, seal
from mlops_release.champion import BeatsChampion
from mlops_release.fairness import Fairness
from mlops_release.gates import Gates
from mlops_release.latency import Latency
from mlops_release.size import Size
from mlops_release.slices import Slices
from mlops_release.threshold import Threshold
from tests.release_parts import FewColumns, JsonRegistry


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return make_evidence(tmp_path / "evidence")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path / ".mlops", "small", "run-1")


def beside(evidence: Evidence, folder: Path, *, slope: float = 0.9) -> Evidence:
    return replace(evidence, champion=make_champion(folder, slope=slope, version=3))


def altered(champion: Champion, **facts: Any) -> Champion:
    """The champion with another signature."""
    signature = champion.bundle.signature | facts
    made = type(champion.bundle).create(champion.bundle.folder, champion.bundle.graph, signature=signature, lineage={})
    return Champion(replace(champion.version, digest=seal(made.folder)), made)


class TestContract(StageContract):
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def stage(self) -> Gates:
        rules: dict[str, Gate] = {
            "champion": BeatsChampion(metric="brier"),
            "quality": Threshold(most=1, metric="brier"),
            "slow": Latency(p99=10_000, rows=20, rounds=1),
            "slices": Slices(columns=("colour",), metric="brier", most=0.5, support=10),
        }
        return Gates(rules=rules, model="small", registry=JsonRegistry())

    def inputs(self, folder: Path) -> Mapping[str, Artifact]:
        made = make_evidence(folder / "made")
        for name in ("bundle", "splits", "evaluation"):
            shutil.move(folder / "made" / name, folder / name)
        shutil.rmtree(folder / "made")
        kinds: dict[str, Artifact] = {"bundle": made.bundle, "splits": made.splits, "evaluation": made.evaluation}
        return {name: type(item)(folder / name) for name, item in kinds.items()}


class Told:
    """A run of the stage: what it recorded and wrote down."""

    def __init__(self, evidence: Evidence, place: Place) -> None:
        self.evidence = evidence
        self.metrics: dict[str, float] = {}
        self.deeds: list[tuple[str, str, Mapping[str, Any]]] = []
        self.context = replace(
            evidence.context,
            place=place,
            on_metric=lambda name, value, step: self.metrics.update({name: value}),
            on_audit=lambda action, subject, facts: self.deeds.append((action, subject, facts)),
        )

    def run(self, registry: JsonRegistry | None = None, **rules: Gate) -> Verdict:
        given = self.evidence
        stage = Gates(rules=rules, registry=registry)
        return stage.run(given.bundle, given.splits, given.evaluation, context=self.context)


def test_a_verdict_says_what_each_gate_found(evidence: Evidence, place: Place) -> None:
    made = Told(evidence, place).run(size=Size(), quality=Threshold(metric="brier", most=0.5))
    facts = made.facts
    assert [(gate["name"], gate["mode"], gate["passed"]) for gate in facts["gates"]] == [
        ("size", "enforce", True),
        ("quality", "enforce", True),
    ]
    assert (facts["passed"], facts["model"], facts["champion"]) == (True, "small", None)
    assert facts["candidate"] == evidence.context.digests["bundle"]
    assert made.summary() == "2 of 2 gates passed"


def test_a_failed_gate_ends_the_run_and_says_by_how_much(evidence: Evidence, place: Place) -> None:
    told = Told(evidence, place)
    with pytest.raises(
        StageError, match=r"refused by 1 of 2 gates(.|\n)*quality: brier 0\.\d+, asked is at most 0.01: 0\.\d+ too"
    ):
        told.run(size=Size(), quality=Threshold(metric="brier", most=0.01))
    assert [(action, subject) for action, subject, _ in told.deeds] == [("refused", "model/small")]
    assert "brier" in told.deeds[0][2]["why"]


def test_every_failed_gate_is_named(evidence: Evidence, place: Place) -> None:
    with pytest.raises(StageError, match=r"refused by 2 of 2 gates(.|\n)*quality: (.|\n)*size: "):
        Told(evidence, place).run(quality=Threshold(metric="brier", most=0.01), size=Size(most="1B"))


def test_a_gate_that_warns_lets_the_model_go_on(evidence: Evidence, place: Place) -> None:
    told = Told(evidence, place)
    facts = told.run(quality=Threshold(metric="brier", most=0.01, mode="warn")).facts
    assert (facts["passed"], facts["gates"][0]["passed"]) == (True, False)
    assert (told.deeds, told.metrics["quality.passed"]) == ([], 0)


def test_a_gate_that_is_off_is_not_asked(evidence: Evidence, place: Place) -> None:
    assert Told(evidence, place).run(quality=Threshold(metric="nothing", most=1, mode="off")).facts["gates"] == []


def test_off_may_be_written_without_quotes() -> None:
    assert Size.model_validate({"mode": False}).mode == "off"


def test_a_gate_of_ones_own_is_asked(evidence: Evidence, place: Place) -> None:
    assert Told(evidence, place).run(few=FewColumns()).facts["gates"][0]["value"] == 2
    with pytest.raises(StageError, match="it needs 2 columns, asked is at most 1"):
        Told(replace(evidence, context=replace(evidence.context, folder=place.root / "b")), place).run(
            few=FewColumns(most=1)
        )


def test_a_comparison_needs_a_registry() -> None:
    with pytest.raises(ValueError, match="needs `registry`"):
        Gates(rules={"champion": BeatsChampion()})
    assert Gates(rules={"champion": BeatsChampion(mode="off")})


def test_times_are_metrics_and_not_kept(evidence: Evidence, place: Place) -> None:
    told = Told(evidence, place)
    kept = told.run(latency=Latency(p99=10_000, rows=20, rounds=1)).facts["gates"][0]
    assert (kept["value"], kept["bound"]) == (None, 10_000)
    assert told.metrics["latency.p99_ms"] > 0


def test_the_page_shows_the_gates_escaped(evidence: Evidence, place: Place) -> None:
    rules: dict[str, Any] = {
        "a<b": Size(),
        "slices": Slices(columns=("colour",), metric="brier", most=1, support=9),
    }
    made = Told(evidence, place).run(**rules)
    page = (made.folder / "fragment.html").read_text()
    assert "a&lt;b" in page
    assert "<script" not in page
    assert page.count("<svg") == 2
    assert "colour=red" in page


def registered(evidence: Evidence, place: Place, folder: Path, *, slope: float) -> JsonRegistry:
    """A registry whose champion has this slope."""
    champion = make_champion(folder, slope=slope)
    registry = JsonRegistry()
    registry.register(NewVersion("small", champion.version.digest, champion.bundle.folder), place)
    registry.point("small", CHAMPION, version=1, place=place)
    return registry


def test_the_champion_of_the_registry_must_be_beaten(evidence: Evidence, place: Place, tmp_path: Path) -> None:
    registry = registered(evidence, place, tmp_path / "champion", slope=-1)
    facts: dict[str, Any] = (
        Told(evidence, place).run(registry, champion=BeatsChampion(metric="log_loss", require="better")).facts
    )
    assert facts["champion"]["version"] == 1
    better = make_evidence(tmp_path / "worse", slope=-2)
    with pytest.raises(StageError, match=r"log_loss .* of version 1: worse by"):
        Told(better, place).run(registry, champion=BeatsChampion(metric="log_loss"))


def test_a_damaged_champion_is_said(evidence: Evidence, place: Place, tmp_path: Path) -> None:
    registry = registered(evidence, place, tmp_path / "champion", slope=1)
    (tmp_path / "champion" / "model.onnx").write_bytes(b"")
    with pytest.raises(StageError, match="the champion, version 1 of small, cannot be read"):
        Told(evidence, place).run(registry, champion=BeatsChampion())


def verdict(folder: Path, champion: Mapping[str, Any] | None) -> dict[str, Any]:
    folder.mkdir()
    facts: dict[str, Any] = {"model": "small", "candidate": "c" * 64, "champion": champion, "gates": [], "passed": True}
    return {"verdict": Verdict.create(folder, facts, fragment="")}


def test_a_verdict_stands_as_long_as_its_champion(tmp_path: Path, place: Place) -> None:
    registry = JsonRegistry()
    stage = Gates(rules={"champion": BeatsChampion()}, registry=registry)
    alone = verdict(tmp_path / "alone", None)
    held = verdict(tmp_path / "held", {"model": "small", "version": 1, "digest": "a" * 64})
    assert stage.stands(alone, place) == ""
    assert stage.stands(held, place) == "version 1 of small is no longer the champion"
    for digest in "abc":
        registry.register(NewVersion("small", digest * 64, tmp_path), place)
    said = {}
    for version in (1, 2, 3):
        registry.point("small", CHAMPION, version=version, place=place)
        said[version] = (stage.stands(alone, place), stage.stands(held, place))
    assert said == {
        1: ("the champion is version 1 of small now", ""),
        2: ("the champion is version 2 of small now", "the champion is version 2 of small now, not version 1"),
        3: ("", ""),
    }


def test_a_verdict_for_another_model_does_not_stand(tmp_path: Path, place: Place) -> None:
    stage = Gates(rules={"champion": BeatsChampion()}, registry=JsonRegistry(), model="other")
    assert "not with other" in stage.stands(verdict(tmp_path / "v", None), place)


def test_a_verdict_without_comparison_always_stands(tmp_path: Path, place: Place) -> None:
    held = verdict(tmp_path / "held", {"model": "small", "version": 1, "digest": "a" * 64})
    assert Gates(rules={"size": Size()}).stands(held, place) == ""


# Single gates


@pytest.mark.parametrize(
    ("gate", "passed"),
    [
        (Threshold(metric="accuracy", least=0.5), True),
        (Threshold(metric="accuracy", least=0.99), False),
        (Threshold(least=0.5), True),
        (Threshold(metric="brier", least=0.01, most=0.5), True),
        (Threshold(metric="accuracy", least=0.75, of="interval"), False),
        (Threshold(metric="accuracy", least=0.75), True),
        (Threshold(metric="brier", most=0.25, of="interval"), True),
    ],
)
def test_thresholds(evidence: Evidence, gate: Threshold, passed: bool) -> None:  # noqa: FBT001 - a case
    assert gate.judge(evidence).passed is passed


def test_a_metric_that_was_not_measured_is_said_with_a_near_one(evidence: Evidence) -> None:
    with pytest.raises(StageError) as caught:
        Threshold(metric="acuracy", least=0.5).judge(evidence)
    assert "did you mean 'accuracy'" in caught.value.fix


def test_a_threshold_needs_a_bound() -> None:
    with pytest.raises(ValueError, match="needs `least` or `most`"):
        Threshold(metric="accuracy")


def test_the_first_model_passes_and_says_so(evidence: Evidence) -> None:
    found = BeatsChampion().judge(evidence)
    assert (found.passed, found.sentence) == (True, "there is no champion yet to be held against")


def test_the_champion_passes_itself(evidence: Evidence, tmp_path: Path) -> None:
    champion = make_champion(tmp_path / "champion")
    digests = {"bundle": champion.version.digest}
    same = replace(evidence, champion=champion, context=replace(evidence.context, digests=digests))
    assert "the champion itself" in BeatsChampion().judge(same).sentence


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"task": "regression"}, "its task is 'regression'"),
        ({"target": "z"}, "its target is 'z'"),
        ({"classes": ["no", "perhaps", "yes"]}, "its classes are no, perhaps, yes, this one's are no, yes"),
    ],
)
def test_a_champion_that_predicts_something_else_cannot_be_beaten(
    evidence: Evidence, tmp_path: Path, facts: dict[str, Any], why: str
) -> None:
    champion = altered(make_champion(tmp_path / "champion"), **facts)
    found = BeatsChampion().judge(replace(evidence, champion=champion))
    assert not found.passed
    assert why in found.sentence
    assert "incomparable: pass" in found.fix
    assert BeatsChampion(incomparable="pass").judge(replace(evidence, champion=champion)).passed


def test_a_champion_that_needs_a_column_that_is_gone_cannot_be_beaten(evidence: Evidence, tmp_path: Path) -> None:
    champion = make_champion(tmp_path / "champion")
    more = {"name": "size", "kind": "numeric", "dtype": "Float64"}
    champion = altered(champion, inputs=[*champion.bundle.signature["inputs"], more])
    assert (
        "it needs size, which the test rows do not have"
        in BeatsChampion().judge(replace(evidence, champion=champion)).sentence
    )


def test_classes_in_another_order_are_compared(evidence: Evidence, tmp_path: Path) -> None:
    champion = altered(make_champion(tmp_path / "champion", slope=-1), classes=["yes", "no"])
    found = BeatsChampion(metric="log_loss", resamples=100).judge(replace(evidence, champion=champion))
    assert found.value == pytest.approx(0, abs=1e-6)


def test_the_margin_may_count_in_the_unit_of_the_metric(evidence: Evidence, tmp_path: Path) -> None:
    given = beside(evidence, tmp_path / "champion")
    bounds = [
        BeatsChampion(metric="log_loss", margin=0.1, unit=unit, require=require, resamples=100).judge(given).bound
        for unit in ("share", "metric")
        for require in ("better", "not_worse")
    ]
    assert bounds[2:] == [0.1, -0.1]
    assert bounds[0] == pytest.approx(-bounds[1])  # type: ignore[operator] # there is one
    assert 0 < float(bounds[0] or 0) < 0.1


def test_a_metric_of_another_task_cannot_be_compared(evidence: Evidence, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="do not measure 'rmse' of a binary model"):
        BeatsChampion(metric="rmse").judge(beside(evidence, tmp_path / "champion"))


def test_rows_that_one_of_both_refuses_are_left_out(evidence: Evidence, tmp_path: Path) -> None:
    champion = make_champion(tmp_path / "champion")
    inputs = champion.bundle.signature["inputs"]
    strict = [inputs[0], {**inputs[1], "allowed": ["red"], "expected": {"allowed": ["red"]}}]
    champion = altered(champion, inputs=strict)
    refused = replace(evidence, champion=champion).predict(champion.bundle)["refused"]
    found = BeatsChampion(metric="log_loss", resamples=100).judge(replace(evidence, champion=champion))
    assert found.passed
    assert 0 < int(refused.sum()) < refused.len()


def test_a_slice_with_few_rows_is_not_judged(evidence: Evidence) -> None:
    found = Slices(columns=("colour",), metric="brier", most=0.5, support=200).judge(evidence)
    assert [row["slice"] for row in found.details] == ["colour=red"]


def test_no_slice_at_all_is_a_failure(evidence: Evidence) -> None:
    found = Slices(columns=("colour",), most=0.5, metric="brier", support=10_000).judge(evidence)
    assert not found.passed
    assert "no slice of colour has 10,000 rows" in found.sentence


def test_the_worst_slice_is_named(evidence: Evidence, tmp_path: Path) -> None:
    frames = {part: evidence.splits.read(part) for part in PARTS}
    wrong = pl.when(pl.col("colour") == "blue").then(-pl.col("amount")).otherwise("amount")
    frames["test"] = frames["test"].with_columns(wrong.alias("amount"))
    (tmp_path / "splits").mkdir()
    splits = Splits.create(tmp_path / "splits", frames, roles=evidence.splits.roles, checks={})
    found = Slices(columns=("colour",), metric="accuracy", gap=0.05, support=50).judge(replace(evidence, splits=splits))
    assert not found.passed
    assert "colour=blue" in found.sentence


def test_a_column_that_is_not_there_is_said(evidence: Evidence) -> None:
    with pytest.raises(StageError, match="no column 'color'"):
        Slices(columns=("color",), most=0.5, metric="brier").judge(evidence)


def test_fairness_measures_each_rate(evidence: Evidence) -> None:
    frame = evidence.rows.with_columns(evidence.predictions["score_yes"])
    red = frame.filter(pl.col("colour") == "red")
    called = pl.col("score_yes") >= 0.5
    expected = {
        "selection": red.select(called.mean()).item(),
        "true_positive": red.filter(pl.col("y") == "yes").select(called.mean()).item(),
        "false_positive": red.filter(pl.col("y") == "no").select(called.mean()).item(),
    }
    for rate, value in expected.items():
        found = Fairness.model_validate({"by": ("colour",), "rate": rate, "most": 1, "support": 10}).judge(evidence)
        rows = {row["group"]: row for row in found.details}
        assert list(rows["colour=red"].values())[2] == pytest.approx(value)


def test_a_gap_may_be_a_ratio(evidence: Evidence) -> None:
    found = Fairness(by=("colour",), gap="ratio", most=1, support=10).judge(evidence)
    low, high = (list(row.values())[2] for row in found.details)
    assert found.value == pytest.approx(1 - low / high)


def test_one_group_alone_is_a_failure(evidence: Evidence) -> None:
    found = Fairness(by=("colour",), support=200).judge(evidence)
    assert not found.passed
    assert "fewer than two groups" in found.sentence


def test_an_unknown_label_is_said(evidence: Evidence) -> None:
    with pytest.raises(StageError, match="there is no class 'maybe'"):
        Fairness(by=("colour",), label="maybe").judge(evidence)


@pytest.mark.parametrize(("most", "passed"), [("2KiB", True), ("0.1 kB", False), ("1GB", True)])
def test_sizes(evidence: Evidence, most: str, passed: bool) -> None:  # noqa: FBT001 - a case
    assert Size(most=most).judge(evidence).passed is passed
