"""A report as Markdown in which nothing that a change wrote can act."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mlops.pull_report import PullReport, render
from mlops.pull_report.markdown import MARK
from mlops.pull_report.model import (
    DataChange,
    GateResult,
    KeyChange,
    MetricChange,
    RecipeReport,
    StageChange,
)

texts = st.text(max_size=80)


def report(recipe: RecipeReport) -> str:
    return render(PullReport("main", "0123456789abcdef", (recipe,)))


@given(texts, texts, texts)
def test_whatever_a_change_wrote_stays_in_its_cell(key: str, change: str, reason: str) -> None:
    text = report(
        RecipeReport(
            "churn",
            stages=(StageChange("train", runs=True, reasons=(reason,)),),
            keys=(KeyChange(key, change, "recipes/churn.yaml:1:1"),),
            data=(DataChange(key, change),),
        )
    )
    for line in text.splitlines():
        if line.startswith("| "):
            bare = re.sub(r"\\\|", "", line)
            assert bare.count("|") in (3, 4)
    plain = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text.replace("\\|", ""))
    assert "@" not in plain
    assert re.findall(r"<(?!br>|!-- mlops report --|/?details>|/?summary>)", plain) == []


@given(texts)
def test_a_sentence_mentions_nobody_and_links_nowhere(sentence: str) -> None:
    text = report(
        RecipeReport(
            "churn",
            stages=(StageChange("train", runs=True, reasons=("x",)),),
            gates=(GateResult("size", "enforce", passed=False, sentence=sentence),),
            notes=(sentence,),
        )
    )
    assert re.search(r"@\w", text) is None
    assert re.search(r"(?<!\\)<(?!br>|!-- mlops)", text) is None
    assert re.search(r"(?<!\\)\]\(", text) is None
    assert re.search(r"\w://", text) is None


def test_equal_recipes_take_one_line() -> None:
    same = RecipeReport("a", stages=(StageChange("train", runs=False),))
    text = render(PullReport("main", "0" * 40, (same, RecipeReport("b"))))
    assert "Unchanged: `a`, `b`." in text


def test_a_report_fits_a_comment() -> None:
    recipes = tuple(
        RecipeReport(
            f"r{number}",
            keys=tuple(KeyChange(f"key.{index}", "x" * 200, "y" * 200) for index in range(500)),
            stages=tuple(StageChange(f"s{index}", runs=True, reasons=("z" * 200,) * 9) for index in range(99)),
        )
        for number in range(20)
    )
    text = render(PullReport("main", "0" * 40, recipes))
    assert len(text) < 65_536
    assert "and 59 more" in text
    assert text.endswith("this report was cut to fit a comment.\n")


def test_reasons_beyond_a_few_are_counted() -> None:
    text = report(RecipeReport("churn", stages=(StageChange("train", runs=True, reasons=tuple("abcdef")),)))
    assert "`a`<br>`b`<br>`c`<br>`d`<br>and 2 more" in text


def test_metrics_stand_beside_their_intervals_and_verdict() -> None:
    change = MetricChange("test", "auc", 0.8, 0.9, (0.79, 0.81), (0.89, 0.91), "better")
    text = report(RecipeReport("churn", keys=(KeyChange("a", "1 → 2", "x"),), metrics=(change,), head_run="now"))
    assert "| `test auc` | 0.8 [0.79, 0.81] | 0.9 [0.89, 0.91] | +0.1 | better |" in text


def test_a_failed_gate_stands_out() -> None:
    gates = (
        GateResult("size", "enforce", passed=False, sentence="12 MB, at most 10 MB"),
        GateResult("speed", "warn", passed=False, sentence="slow"),
        GateResult("other", "enforce", passed=True, sentence="fine"),
    )
    text = report(RecipeReport("churn", keys=(KeyChange("a", "1 → 2", "x"),), gates=gates))
    assert "| `size` | **failed** | 12 MB, at most 10 MB |" in text
    assert "| `speed` | **warns** | slow |" in text
    assert "| `other` | passed | fine |" in text
    assert "1 of 3 gates passed." in text


def test_a_recipe_that_cannot_be_read_shows_why_as_it_is() -> None:
    text = report(RecipeReport("churn", error="```\n@everybody\n```"))
    assert "````\n```\n@everybody\n```\n````" in text


def test_the_first_line_is_a_mark() -> None:
    assert report(RecipeReport("churn")).startswith(f"{MARK}\n")
