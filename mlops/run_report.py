"""The page of a whole run: its plan, what was reused and why, timings, metrics, and what stages drew."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops.run_report_style import STYLE
from mlops.run_report_svg import ACTIONS, graph, started_at, timeline
from mlops.text import duration, size

__all__ = ["render"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A browser that reads the page fetches nothing and runs nothing."""

_DIGEST = re.compile(r"[0-9a-f]{32,}")
_DIGEST_SHOWN = 12
"""Letters of a digest that are shown; run.json holds all of it."""

_STATUS_COLOUR = {"done": "reuse", "failed": "failed", "running": "run"}


def render(run: Mapping[str, Any], fragments: Sequence[tuple[str, str]] = ()) -> str:
    """Draw the page.

    Args:
        run: the record of the run, as kept in ``run.json``; secrets must be masked already.
        fragments: stage and HTML of each artifact that draws itself; taken as they are.

    Returns:
        One HTML document that needs nothing else and runs no script.
    """
    title = f"{run.get('recipe', 'run')} · {run.get('id', '')}"
    steps: list[Mapping[str, Any]] = list(run.get("steps") or [])
    sections = [
        _header(run),
        _error(run),
        _tiles(run, steps),
        _pictures(run, steps),
        _plan(steps, str(run.get("id", ""))),
        _metrics(run),
        _environment(run),
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_text(_POLICY)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style>"
    )
    own = "\n".join(section for section in sections if section)
    parts = "\n".join(_part(stage, body) for stage, body in fragments)
    body = f'<main><div class="own">{own}</div>\n{parts}</main>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _header(run: Mapping[str, Any]) -> str:
    status = str(run.get("status") or "running")
    began, ended = started_at(run), started_at(run, "ended")
    when = f"{began:%Y-%m-%d %H:%M:%S %Z}" if began else ""
    took = f"took {duration((ended - began).total_seconds())}" if began and ended else ""
    seed = f"seed {run['seed']}" if run.get("seed") is not None else ""
    told = " · ".join(_text(part) for part in (run.get("id", ""), when, took, seed) if part)
    words = "".join(f"<code>{_text(word)}</code>" for word in run.get("overrides") or ())
    pill = f'<span class="pill {_STATUS_COLOUR.get(status, "skipped")}">{_text(status)}</span>'
    line = f'<p class="sub">{told}</p>' + (f'<p class="sub">{words}</p>' if words else "")
    return f'<div class="head"><h1>{_text(run.get("recipe", ""))}</h1>{pill}</div>{line}'


def _error(run: Mapping[str, Any]) -> str:
    return f'<div class="error" role="alert">{_text(run["error"])}</div>' if run.get("error") else ""


def _tiles(run: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> str:
    counts = [(action, sum(step.get("action") == action for step in steps)) for action in ACTIONS]
    names = {"run": "stages run", "reuse": "reused", "failed": "failed", "skipped": "skipped"}
    tiles = [(names[action], str(count)) for action, count in counts if count or action in ("run", "reuse")]
    spent = sum(number for step in steps if (number := _number(step.get("seconds"))) and step.get("action") != "reuse")
    tiles.append(("in stages", duration(spent)))
    peak = max((_number(step.get("peak_memory")) or 0 for step in steps), default=0)
    tiles += [("peak memory", size(peak))] if peak else []
    tiles += [("git", _commit(git))] if (git := _mapping(_mapping(run.get("environment")).get("git"))) else []
    drawn = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in tiles)
    return f'<dl class="card tiles">{drawn}</dl>'


def _commit(git: Mapping[str, Any]) -> str:
    return str(git.get("commit", "–"))[:10] + ("*" if git.get("dirty") or git.get("diff") else "")


def _pictures(run: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> str:
    drawn = [
        ("Plan", "what reads what", graph(steps)),
        ("Timeline", "from the start of the run", timeline(steps, started=started_at(run))),
    ]
    drawn = [item for item in drawn if item[2]]
    css = "card" if len(drawn) > 1 else "card only"
    figures = [
        f'<figure class="{css}"><figcaption>{_text(name)}<span>{_text(note)}</span></figcaption>{svg}</figure>'
        for name, note, svg in drawn
    ]
    return f'<div class="pictures">{"".join(figures)}</div>' if figures else ""


def _plan(steps: Sequence[Mapping[str, Any]], run_id: str) -> str:
    heads = ("stage", "action", "why", "made", "time", "peak memory", "made by")
    css = {"time": ' class="number"', "peak memory": ' class="number"'}
    head = "".join(f'<th scope="col"{css.get(name, "")}>{_text(name)}</th>' for name in heads)
    rows = "".join(_row(step, run_id) for step in steps)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<h2>Stages</h2><div class="card wide">{table}</div>'


def _row(step: Mapping[str, Any], run_id: str) -> str:
    action = str(step.get("action", ""))
    ran = action not in ("reuse", "skipped")
    colour = action if action in ACTIONS else "skipped"
    peak = _number(step.get("peak_memory"))
    key = f' title="{_text(step["key"])}"' if step.get("key") else ""
    maker = step.get("made_by") or (run_id if action == "run" else "–")
    made_by = "this run" if maker == run_id else maker
    cells = (
        f'<td><span class="pill {colour}">{_text(action)}</span></td>',
        f'<td class="why">{_list(step.get("reasons") or ())}</td>',
        f'<td class="soft">{_list(list(_made(step)))}</td>',
        f'<td class="number">{_text(duration(_number(step.get("seconds"))) if ran else "–")}</td>',
        f'<td class="number">{_text(size(peak) if peak else "–")}</td>',
        f'<td class="soft"{key}>{_text(made_by)}</td>',
    )
    return f'<tr><th scope="row">{_text(step.get("stage", ""))}</th>{"".join(cells)}</tr>'


def _made(step: Mapping[str, Any]) -> Iterator[str]:
    summaries = _mapping(step.get("summaries"))
    for name, made in _mapping(step.get("outputs")).items():
        said = summaries.get(name) or _mapping(made).get("format", "")
        yield name if not said or said == name else f"{name}: {said}"


def _list(lines: Sequence[object]) -> str:
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>" if lines else ""


def _metrics(run: Mapping[str, Any]) -> str:
    found = list(_flat(run.get("metrics") or {}))
    if not found:
        return ""
    items = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(_shown(value))}</dd></div>" for name, value in found)
    return f'<h2>Metrics</h2><dl class="card metrics">{items}</dl>'


def _environment(run: Mapping[str, Any]) -> str:
    """List the environment, its many libraries folded away."""
    environment = dict(_mapping(run.get("environment")))
    if not environment:
        return ""
    libraries = environment.pop("libraries", None)
    libraries = libraries if isinstance(libraries, Mapping) else {}
    shown = _facts_list(_flat(environment))
    plural = "library" if len(libraries) == 1 else "libraries"
    folded = (
        f"<details><summary>{len(libraries)} {plural}</summary>{_facts_list(_flat(libraries))}</details>"
        if libraries
        else ""
    )
    return f'<h2>Environment</h2><div class="card">{shown}{folded}</div>'


def _facts_list(facts: Iterator[tuple[str, Any]]) -> str:
    rows = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(_told(name, value))}</dd></div>" for name, value in facts)
    return f'<dl class="metrics">{rows}</dl>'


def _told(name: str, value: Any) -> str:
    number = _number(value)
    if name.endswith("_bytes") and number is not None:
        return size(number)
    shown = _shown(value)
    return f"{shown[:_DIGEST_SHOWN]}…" if _DIGEST.fullmatch(shown) else shown


def _part(stage: str, body: str) -> str:
    label = f"Report of the stage {stage}"
    return f'<section class="part" aria-label="{_text(label)}"><p class="from">{_text(label)}</p>{body}</section>'


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk nested facts as dotted names; empty ones are left out."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from _flat(value, f"{prefix}.{index}")
    elif values is not None and values != "":
        yield prefix, values


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.6g}"  # noqa: PLR2004 - six digits are said by then


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
