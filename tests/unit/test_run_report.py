from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.run_report import render
from mlops.run_report_layout import Edge, layout
from mlops.run_report_svg import graph, started_at, timeline

HOSTILE = "<script>alert('x')</script>\"&"
VOID = {"meta"}


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
        return "".join(self.words)


def step(stage: str, action: str = "run", **facts: Any) -> dict[str, Any]:
    started = None if action == "reuse" else "2026-01-02T03:04:06+00:00"
    return {
        "stage": stage,
        "action": action,
        "reasons": [],
        "seconds": 1.5,
        "peak_memory": 3 * 2**20,
        "key": "9f" * 32,
        "made_by": None,
        "started": started,
        "inputs": {},
        "outputs": {},
        "metrics": {},
    } | facts


@pytest.fixture
def run() -> dict[str, Any]:
    table = {"table": {"format": "table", "digest": "ab"}}
    return {
        "id": "20260102-030405-000-abcd",
        "recipe": "flights",
        "overrides": ["recipe=flights", "train.lr=0.02"],
        "started": "2026-01-02T03:04:05+00:00",
        "ended": "2026-01-02T03:04:09.500+00:00",
        "status": "done",
        "seed": 7,
        "environment": {"python": {"version": "3.11.9"}, "memory_bytes": 2**30, "libraries": {"numpy": "2.4.0"}},
        "steps": [
            step("data", "reuse", outputs=table, made_by="20260101-000000-000-ffff", reasons=["nothing changed"]),
            step("clean", inputs={"table": "data.table"}, outputs=table, reasons=["clean.rows 10 → 20 (command line)"]),
            step(
                "train", inputs={"table": "clean.table", "raw": "data.table"}, started="2026-01-02T03:04:07.500+00:00"
            ),
        ],
        "metrics": {"train.loss": 0.25},
        "error": "",
    }


def rows_of(page: Page) -> list[str]:
    return [words for words in page.words if words.strip()]


def test_the_page_says_what_when_and_how(run: dict[str, Any]) -> None:
    text = Page(render(run, [])).text
    for said in ("flights", "done", "20260102-030405-000-abcd", "2026-01-02 03:04:05 UTC", "took 4.5 s", "seed 7"):
        assert said in text
    assert "train.lr=0.02" in text


def test_each_step_says_what_was_done_why_and_by_whom(run: dict[str, Any]) -> None:
    text = Page(render(run, [])).text
    assert "clean.rows 10 → 20 (command line)" in text
    assert "20260101-000000-000-ffff" in text
    assert "this run" in text


def test_a_reused_step_has_no_time_of_its_own(run: dict[str, Any]) -> None:
    html = render(run | {"steps": run["steps"][:1]}, [])
    assert "1.5 s" not in Page(html).text


def test_metrics_and_environment_are_listed(run: dict[str, Any]) -> None:
    words = rows_of(Page(render(run, [])))
    for name, value in (("train.loss", "0.25"), ("python.version", "3.11.9"), ("memory_bytes", "1.0 GiB")):
        assert words[words.index(name) + 1] == value
    assert "1 library" in words


def test_an_error_is_shown_as_an_alert(run: dict[str, Any]) -> None:
    page = Page(render(run | {"status": "failed", "error": "disk is full\n  fix: free some"}, []))
    assert "disk is full\n  fix: free some" in page.words
    assert any(attributes.get("role") == "alert" for _, attributes in page.tags)


def test_fragments_follow_with_the_stage_that_drew_them(run: dict[str, Any]) -> None:
    html = render(run, [("evaluate", '<div class="mine">drawn</div>')])
    assert '<div class="mine">drawn</div>' in html
    assert "Report of the stage evaluate" in Page(html).text


def test_the_page_fetches_nothing_and_runs_nothing(run: dict[str, Any]) -> None:
    html = render(run, [])
    page = Page(html)
    assert not {"script", "link", "iframe", "img"} & {tag for tag, _ in page.tags}
    assert not any(name in {"src", "href"} or name.startswith("on") for _, found in page.tags for name in found)
    assert not re.search(r"url\(|@import|https?:", html)


def test_every_text_of_a_run_stays_text(run: dict[str, Any]) -> None:
    def spoil(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spoil(item) for key, item in value.items()}
        if isinstance(value, list):
            return [spoil(item) for item in value]
        return value + HOSTILE if isinstance(value, str) and not value.startswith("2026-") else value

    spoilt = spoil(run) | {"error": HOSTILE, "metrics": {HOSTILE: 1.0}}
    spoilt["steps"][1]["outputs"] = {HOSTILE: {"format": HOSTILE, "digest": ""}}
    html = render(spoilt, [(HOSTILE, "")])
    assert "<script" not in html
    assert HOSTILE in Page(html).text


def test_a_style_of_the_page_does_not_reach_into_fragments(run: dict[str, Any]) -> None:
    (css,) = re.findall(r"<style>(.*?)</style>", render(run, []), re.DOTALL)
    depth, top = 0, []
    for piece in re.split(r"([{}])", css):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        if depth == 0 and piece not in ("{", "}") and piece.strip():
            top.append(piece.strip())
    assert depth == 0
    assert not {"table", "td", "svg", "h2", "dd", "figure"} & set(top)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"steps": None, "environment": None, "metrics": None, "overrides": None},
        {"steps": [{"stage": "a"}]},
        {"steps": [step("a", "odd", seconds=None, peak_memory=None, started="yesterday", outputs=None, inputs=None)]},
        {"steps": [step("a", seconds="nan")], "started": "2026-01-02T03:04:05", "metrics": {"x": float("nan")}},
        {"status": None, "environment": {"git": None, "gpus": []}},
    ],
)
def test_a_record_with_holes_is_drawn_all_the_same(broken: dict[str, Any]) -> None:
    Page(render(broken, []))


def test_the_graph_shows_every_stage_in_the_colour_of_what_was_done(run: dict[str, Any]) -> None:
    svg = graph(run["steps"])
    boxes = [found for tag, found in Page(svg).tags if tag == "rect" and "box" in str(found["class"])]
    assert [box["class"] for box in boxes] == ["box reuse", "box run", "box run"]


def test_edges_of_the_graph_are_named_by_their_formats(run: dict[str, Any]) -> None:
    run["steps"][0]["outputs"]["table"]["format"] = "parquet-table"
    words = Page(graph(run["steps"])).words
    assert "data → train: parquet-table" in words


def test_two_inputs_from_one_stage_share_an_edge() -> None:
    outputs = {"model": {"format": "model"}, "curve": {"format": "curve"}}
    steps = [step("a", outputs=outputs), step("b", inputs={"x": "a.model", "y": "a.curve"})]
    assert "model, curve" in Page(graph(steps)).words


def test_an_input_from_outside_the_run_draws_no_edge() -> None:
    svg = graph([step("b", inputs={"x": "elsewhere.table"})])
    assert 'class="edge"' not in svg


def test_too_many_stages_are_not_drawn_as_a_graph() -> None:
    assert graph([step(f"s{index}") for index in range(61)]) == ""


def test_bars_stand_where_and_as_long_as_stages_ran() -> None:
    zero = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    steps = [
        step("a", seconds=1.0, started="2026-01-02T03:04:05+00:00"),
        step("b", seconds=3.0, started="2026-01-02T03:04:06+00:00"),
    ]
    tags = Page(timeline(steps, started=zero)).tags
    first, second = (found for tag, found in tags if tag == "rect")
    assert float(str(second["width"])) == pytest.approx(3 * float(str(first["width"])), abs=0.2)
    assert float(str(second["x"])) == pytest.approx(float(str(first["x"])) + float(str(first["width"])), abs=0.2)


def test_reused_stages_are_named_in_the_timeline_and_have_no_bar(run: dict[str, Any]) -> None:
    page = Page(timeline(run["steps"], started=started_at(run)))
    assert "reused" in page.words
    assert sum(tag == "rect" for tag, _ in page.tags) == 2


def test_nothing_ran_means_no_timeline(run: dict[str, Any]) -> None:
    assert timeline(run["steps"][:1], started=started_at(run)) == ""


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[str], list[Edge]]:
    names = [f"s{index}" for index in range(draw(st.integers(1, 12)))]
    pairs = [(one, other) for at, one in enumerate(names) for other in names[at + 1 :]]
    return names, [Edge(*pair) for pair in pairs if draw(st.booleans())]


@settings(max_examples=60, deadline=None)
@given(plan=plans())
def test_every_stage_stands_below_what_it_reads_and_beside_no_other(plan: tuple[list[str], list[Edge]]) -> None:
    names, edges = plan
    found = layout(names, edges)
    for edge in edges:
        assert found.stages[edge.source][1] < found.stages[edge.target][1]
        heights = [y for _, y in found.ways[edge]]
        assert heights == sorted(heights)
    places = list(found.stages.values())
    for index, (x, y) in enumerate(places):
        assert 0 < x < found.width
        assert all(y != other_y or abs(x - other_x) >= 150 for other_x, other_y in places[index + 1 :])


def test_an_edge_against_the_order_of_the_plan_is_left_out() -> None:
    assert not layout(["a", "b"], [Edge("b", "a")]).ways
