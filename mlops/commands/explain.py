"""``mlops explain``: one key of a recipe."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from mlops.commands.arguments import parser, with_overrides
from mlops.explanation import Explanation, explain
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Explain a key: value, type, allowed values, meaning, and every place that set it."""
    made = parser(
        "explain", "Show a key's value, type, allowed values, meaning, and every place that set it, in order."
    )
    made.add_argument("key", help="dotted key, such as train.model or model.num_leaves")
    given = with_overrides(made).parse_intermixed_args(argv)
    found = explain(Workspace.here().recipe(given.overrides), given.key)
    print(json.dumps(found.to_json(), ensure_ascii=False, default=str) if given.json else _render(found))
    return 0


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
