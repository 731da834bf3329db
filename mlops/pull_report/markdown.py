"""A report as Markdown that fits a comment, in which nothing that the change wrote can act."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mlops.pull_report.model import MetricChange, PullReport, RecipeReport, StageChange

__all__ = ["MARK", "render"]

MARK = "<!-- mlops report -->"
"""First line of every report, by which a workflow finds its own earlier comment."""

_MOST_LETTERS = 60_000
"""GitHub takes 65,536 characters in a comment."""

_MOST_ROWS = 40
_MOST_REASONS = 4
_LONGEST = 160


def render(report: PullReport) -> str:
    """Write a report; equal facts give equal text."""
    lines = [MARK, f"## What changes against {_code(report.base)} ({_code(report.commit[:12])})", ""]
    same = [recipe.recipe for recipe in report.recipes if not recipe.is_changed]
    for recipe in report.recipes:
        if recipe.is_changed:
            lines += [*_recipe(recipe), ""]
    if same:
        lines += [f"Unchanged: {', '.join(map(_code, same))}.", ""]
    for recipe in report.recipes:
        if not recipe.is_changed and (recipe.metrics or recipe.gates):
            lines += [f"### {_code(recipe.recipe)}", "", *_results(recipe), ""]
    return _fitted("\n".join(lines).rstrip() + "\n")


def _recipe(recipe: RecipeReport) -> Iterator[str]:
    yield f"### {_code(recipe.recipe)}"
    yield ""
    if recipe.error:
        yield "The recipe cannot be read:"
        yield from _block(recipe.error)
        return
    yield _summary(recipe)
    yield ""
    yield from _table(("stage", "", "why"), [_stage(stage) for stage in recipe.stages])
    if recipe.gone:
        yield f"Stages that are gone: {', '.join(map(_code, recipe.gone))}."
        yield ""
    if recipe.keys:
        yield "**Recipe**"
        yield ""
        rows = [(_code(item.key), _code(item.change), _code(item.place)) for item in recipe.keys]
        yield from _table(("key", "base → this", "set in"), rows)
    if recipe.data:
        yield "**Data**"
        yield ""
        yield from _table(("data", "base → this"), [(_code(item.name), _code(item.what)) for item in recipe.data])
    yield from _results(recipe)
    yield from (f"> {_plain(note)}" for note in recipe.notes)


def _summary(recipe: RecipeReport) -> str:
    running = sum(stage.runs for stage in recipe.stages)
    parts = [f"{running} of {len(recipe.stages)} stages run again"]
    parts.append(_count(len(recipe.keys), "key changes", "keys change") if recipe.keys else "no key changes")
    parts.append("data changes" if recipe.data else "same data")
    if recipe.gates:
        passed = sum(gate.passed for gate in recipe.gates)
        parts.append(f"{passed} of {len(recipe.gates)} gates passed")
    return f"{', '.join(parts)}."


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _stage(stage: StageChange) -> tuple[str, str, str]:
    shown = [_code(reason) for reason in stage.reasons[:_MOST_REASONS]]
    more = len(stage.reasons) - _MOST_REASONS
    shown += [f"and {more} more"] * (more > 0)
    action = "**runs**" if stage.runs else "same"
    return _code(stage.stage), action + (" (acts outside)" if stage.effect else ""), "<br>".join(shown)


def _results(recipe: RecipeReport) -> Iterator[str]:
    measured = [item for item in recipe.metrics if item.verdict]
    if measured:
        yield f"**Metrics** of {_runs(recipe)}"
        yield ""
        rows = [(_code(f"{m.part} {m.name}"), *_sides(m), m.verdict) for m in measured]
        yield from _table(("metric", "base", "this", "change", "verdict"), rows)
    others = [item for item in recipe.metrics if not item.verdict]
    if others:
        yield "<details><summary>Other numbers that differ</summary>"
        yield ""
        numbers = [(_code(f"{m.part} {m.name}"), *_sides(m)) for m in others]
        yield from _table(("number", "base", "this", "change"), numbers)
        yield "</details>"
        yield ""
    if recipe.gates:
        yield "**Gates**"
        yield ""
        gates = [
            ("passed" if gate.passed else f"**{'failed' if gate.mode == 'enforce' else 'warns'}**", gate)
            for gate in recipe.gates
        ]
        yield from _table(("gate", "", "found"), [(_code(g.name), word, _plain(g.sentence)) for word, g in gates])


def _runs(recipe: RecipeReport) -> str:
    base = f"run {_code(recipe.base_run)} (base) and " if recipe.base_run else ""
    return f"{base}run {_code(recipe.head_run)} (this), with their intervals"


def _sides(item: MetricChange) -> tuple[str, str, str]:
    delta = "" if item.was is None or item.now is None else f"{item.now - item.was:+.4g}"
    return _number(item.was, item.was_interval), _number(item.now, item.now_interval), delta


def _number(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" + (f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        yield ""
        yield f"and {len(rows) - _MOST_ROWS} more"
    yield ""


def _code(text: str) -> str:
    """Write a text as code, which mentions nobody and is neither link, picture nor HTML."""
    flat = _flat(text)
    if not flat:
        return ""
    longest = max((len(found) for found in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    room = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{room}{flat}{room}{fence}".replace("|", "\\|")


def _plain(text: str) -> str:
    """Write a sentence with every sign that Markdown knows taken literally."""
    return re.sub(r"([\\`*_{}\[\]<>#!|~&]|:(?=//|\w+:))", r"\\\1", _flat(text)).replace("@", "@\u200b")


def _flat(text: str) -> str:
    flat = " ".join(re.sub(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", " ", text).split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


def _block(text: str) -> Iterator[str]:
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield fence
    yield text[: _MOST_LETTERS // 4]
    yield fence


def _fitted(text: str) -> str:
    if len(text) <= _MOST_LETTERS:
        return text
    cut = text[: text.rfind("\n", 0, _MOST_LETTERS)]
    return f"{cut}\n\nand more: this report was cut to fit a comment.\n"
