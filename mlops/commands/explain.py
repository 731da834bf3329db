"""``mlops explain``: one key of a recipe."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from mlops.commands.arguments import parser, with_overrides
from mlops.errors import MlopsError
from mlops.explanation import Explanation, Searched, explain
from mlops.recipe import Recipe
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Explain a key: value, type, allowed values, meaning, and every place that set it."""
    made = parser(
        "explain", "Show a key's value, type, allowed values, meaning, and every place that set it, in order."
    )
    made.add_argument("key", help="dotted key, such as train.model or model.num_leaves")
    given = with_overrides(made).parse_intermixed_args(argv)
    work = Workspace.here()
    recipe = work.recipe(given.overrides)
    found = _with_found(work, recipe, explain(recipe, given.key))
    print(json.dumps(found.to_json(), ensure_ascii=False, default=str) if given.json else _render(found))
    return 0


def _with_found(work: Workspace, recipe: Recipe, explained: Explanation) -> Explanation:
    """Ask the journal of the search what it found for the key, if it is searched."""
    if recipe.search is None or not explained.ranges:
        return explained
    from mlops.searching import Hunt

    hunt = Hunt(work, recipe, recipe.search)
    try:
        found, wanted = hunt.journal.read(), hunt.trials
    except MlopsError:  # data that is not there: nothing was searched on it
        return explained
    best = found.ranked[0].values.get(explained.key) if found.ranked else None
    joined = hunt.searcher.ensemble is not None and len(found.ranked) > 1
    finished = hunt.is_finished(found)
    return explained.with_found(Searched(best, len(found.trials), wanted, finished=finished, joined=joined))


def _of_search(found: Explanation) -> list[str]:
    """Say what is searched for the key, and what was found."""
    lines = []
    for item in found.ranges:
        when = f", when {item.when[0]} is {item.when[1]}" if item.when else ""
        lines.append(f"  searched: {item.range.model_dump()['search']}, {item.range.words()}{when}")
    if found.ranges and found.found:
        lines.append(f"  {_outcome(found.found)}")
    return lines


def _outcome(found: Searched) -> str:
    if not found.trials:
        return "found: nothing yet; no trial was made"
    state = f"{found.trials} trials" if found.finished else f"{found.trials} of {found.wanted} trials so far"
    best = "the best has no such key" if found.value is None else f"{_shown(found.value)}, the best"
    joined = "; an ensemble joins several, each with its own" if found.joined else ""
    return f"found: {best} of {state}{joined}"


def _render(found: Explanation) -> str:
    lines = [f"{found.key} = {_shown(found.value)}"]
    if found.about:
        lines.append(f"  {found.about}")
    if found.words:
        limits = f", {found.words.limits}" if found.words.limits else ""
        default = "required" if found.words.required else f"default {_shown(found.words.default)}"
        lines.append(f"  {found.words.type}{limits}; {default}")
        if found.words.description:
            lines.append(f"  {found.words.description}")
    lines += _of_search(found)
    lines += [f"  {field.name}: {field.type} – {field.description}" for field in found.keys]
    lines.append("set, in order:" if found.settings else "set nowhere: this is the default")
    lines += [f"  {setting.place}  {_shown(setting.value)}" for setting in found.settings]
    if found.settings:
        lines[-1] += "  ← in force"
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, default=lambda item: item.model_dump() if isinstance(item, BaseModel) else str(item)
    )
