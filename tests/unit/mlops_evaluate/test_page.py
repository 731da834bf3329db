from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from mlops.formats.evaluation import Evaluation
from mlops_evaluate.evaluate import Evaluate

Make = Callable[..., Any]

VOID = {"meta", "link", "br", "img", "hr", "input"}
HOSTILE = "<script>alert('x')</script>\"&"


class Page(HTMLParser):
    """Checks that tags are balanced and gathers what a page holds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def titles(self) -> list[str]:
        return [data for data in self.words if data.strip()]


@pytest.fixture(params=["binary", "multiclass", "regression"])
def reports(request: pytest.FixtureRequest, case: Make, binary: Make, multiclass: Make, values: Make) -> Any:
    make, classes, train = {
        "binary": (binary, (False, True), [0, 1]),
        "multiclass": (multiclass, ("a", "b", "c", "d"), [0, 1, 2, 3]),
        "regression": (values, (), [1.0, 2.0]),
    }[request.param]
    made = case(
        request.param,
        classes=classes,
        importances={"alpha": 0.7, "beta": 0.3},
        history={"train_loss": [0.9, 0.5, 0.4], "validation_loss": [0.9, 0.6, 0.7]},
    )
    found = made.judge(Evaluate(bootstrap=10), {"validation": make(200), "test": make(800, seed=1)}, train=train)
    return request.param, found


PLOTS = {
    "binary": ["ROC curve", "Precision and recall", "Calibration", "Scores of each class", "Confusion matrix"],
    "multiclass": ["Confusion matrix", "Most confused", "Calibration", "Confidence"],
    "regression": ["Predicted and actual", "Residuals", "Distribution of residuals", "Tails of the residuals"],
}


def test_the_plots_of_each_task_are_drawn(reports: tuple[str, Evaluation]) -> None:
    task, found = reports
    text = Page((found.folder / "report.html").read_text()).titles()
    assert {*PLOTS[task], "Feature importances", "Training"} <= set(text)


def test_a_report_fetches_nothing_and_runs_nothing(reports: tuple[str, Evaluation]) -> None:
    html = (reports[1].folder / "report.html").read_text()
    page = Page(html)
    assert not {"script", "link", "iframe", "img", "object", "base"} & {tag for tag, _ in page.tags}
    assert not any(name in {"src", "href", "xlink:href"} or name.startswith("on") for _, a in page.tags for name in a)
    assert not re.search(r"url\(|@import|https?:", html)


def test_every_picture_says_what_it_shows(reports: tuple[str, Evaluation]) -> None:
    page = Page((reports[1].folder / "report.html").read_text())
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert pictures
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in pictures)


def test_coordinates_are_numbers(reports: tuple[str, Evaluation]) -> None:
    html = (reports[1].folder / "report.html").read_text()
    assert not re.search(r'"[^"]*\b(nan|inf|None)\b[^"]*"', html)


def test_the_report_is_small(reports: tuple[str, Evaluation]) -> None:
    assert (reports[1].folder / "report.html").stat().st_size < 600_000


def test_the_fragment_is_the_body_of_the_report(reports: tuple[str, Evaluation]) -> None:
    folder = reports[1].folder
    fragment = (folder / "fragment.html").read_text()
    assert fragment in (folder / "report.html").read_text()
    assert Page(fragment).tags[0] == ("div", {"class": "mlops-evaluation"})


def test_rules_of_the_fragments_style_reach_nothing_outside_it(reports: tuple[str, Evaluation]) -> None:
    (css,) = re.findall(r"<style>(.*?)</style>", (reports[1].folder / "fragment.html").read_text(), re.DOTALL)
    depth, top = 0, []
    for piece in re.split(r"([{}])", css):
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
        elif depth == 0 and piece.strip():
            top.append(piece.strip())
    assert (depth, top) == (0, [".mlops-evaluation"])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_names_from_data_stay_text(case: Make, binary: Make, multiclass: Make, values: Make, task: Any) -> None:
    make, classes, train = {
        "binary": (binary, ("no", HOSTILE), [0, 1]),
        "multiclass": (multiclass, (HOSTILE, "b", "c", "d"), [0, 1, 2, 3]),
        "regression": (values, (), [1.0, 2.0]),
    }[task]
    made = case(
        task, classes=classes, target=HOSTILE, importances={HOSTILE: 0.9, "b": 0.1}, history={HOSTILE: [1.0, 2]}
    )
    found = made.judge(Evaluate(bootstrap=0), {"validation": make(50), "test": make(700)}, train=train)
    html = (found.folder / "report.html").read_text()
    page = Page(html)
    assert "<script" not in html
    assert {tag for tag, _ in page.tags}.isdisjoint({"script"})
    assert HOSTILE in "".join(page.words)


def test_an_undefined_metric_is_explained(case: Make, binary: Make) -> None:
    scores, target = binary(50)
    parts = {"validation": (scores, target), "test": (scores, np.zeros_like(target))}
    found = case("binary", classes=(0, 1)).judge(Evaluate(bootstrap=0), parts, train=[0, 1])
    text = Page((found.folder / "report.html").read_text()).text
    assert "ROC AUC is undefined on the test rows: needs rows of both classes." in text


def test_a_model_worse_than_the_baseline_is_called_so(case: Make, binary: Make) -> None:
    scores, target = binary(300)
    backwards = scores[:, ::-1]
    parts = {"validation": (backwards, target), "test": (backwards, target)}
    found = case("binary", classes=(0, 1)).judge(Evaluate(bootstrap=50), parts, train=[0, 0, 0, 1])
    text = Page((found.folder / "report.html").read_text()).text
    assert "Worse than the same answer for every row: ROC AUC" in text


def test_a_guess_is_called_no_better_than_the_baseline(case: Make) -> None:
    generator = np.random.default_rng(0)
    positive, target = generator.random(300), generator.integers(0, 2, 300)
    part = (np.column_stack([1 - positive, positive]), target)
    found = case("binary", classes=(0, 1)).judge(
        Evaluate(bootstrap=50), {"validation": part, "test": part}, train=[0, 1]
    )
    text = Page((found.folder / "report.html").read_text()).text
    assert "ROC AUC is not clearly better than the same answer for every row" in text


def test_parts_that_differ_are_pointed_out(case: Make, binary: Make) -> None:
    scores, target = binary(400)
    shuffled = np.random.default_rng(0).permutation(scores)
    parts = {"validation": (scores, target), "test": (shuffled, target)}
    found = case("binary", classes=(0, 1)).judge(Evaluate(bootstrap=50), parts, train=[0, 1])
    assert "the intervals do not meet" in (found.folder / "report.html").read_text()


def test_many_classes_are_drawn_in_part_and_say_so(case: Make, multiclass: Make) -> None:
    names = tuple(f"class {index}" for index in range(60))
    parts = {"validation": multiclass(900, classes=60), "test": multiclass(900, classes=60, seed=1)}
    found = case("multiclass", classes=names).judge(Evaluate(bootstrap=0), parts, train=list(range(60)))
    assert "Shown are the 40 most frequent of 60 classes." in (found.folder / "report.html").read_text()


def test_a_model_without_importances_or_history_has_no_such_plots(case: Make, values: Make) -> None:
    found = case("regression").judge(Evaluate(bootstrap=0), {"validation": values(), "test": values()}, train=[1.0])
    titles = Page((found.folder / "report.html").read_text()).titles()
    assert not {"Feature importances", "Training"} & set(titles)
