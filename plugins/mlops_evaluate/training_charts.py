"""Plots of how a model was trained: losses, other measures, the learning rate, the gradient's norm."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlops.formats.model import ModelFacts
from mlops_evaluate.curves import thin
from mlops_evaluate.panel import Panel, Scale
from mlops_evaluate.scored import Floats
from mlops_evaluate.svg import figure, shown

__all__ = ["training_charts"]

_CHARTS = 4
_DECADES = 2.0
"""Powers of ten that a curve must span to be drawn on a logarithmic axis."""

_PART = re.compile(r"^(train(?:ing)?|val(?:id(?:ation)?)?|test)[ ._/:-]+(.+)$")
_LOSS = re.compile("loss|error|rmse|mae|mse")
_PLAIN = {"lr": "Learning rate", "gradient_norm": "Gradient norm"}
"""Curves of the training itself, which have no part; their titles."""


@dataclass(frozen=True)
class _Training:
    """All curves of a model, and what its steps are called."""

    groups: Mapping[str, Mapping[str, Floats]]
    """Measure → part → a value a step; train_loss and validation_loss share a measure."""

    step: str

    @property
    def best(self) -> tuple[int, int] | None:
        """Step (from 0) with the lowest loss on held-out rows, and how many steps there are; None when unknown."""
        for measure, curves in self.groups.items():
            held = [curve for part, curve in curves.items() if not part.startswith("train")]
            if _LOSS.search(measure) and held and held[0].size > 1:
                return int(np.nanargmin(held[0])), held[0].size
        return None


def training_charts(facts: ModelFacts) -> Iterator[str]:
    """Draw the most telling of a model's curves, at most four."""
    training = _Training(_grouped(facts.history), step=_step(facts))
    for measure in _chosen(training.groups):
        yield _chart(measure, training)


def _step(facts: ModelFacts) -> str:
    """A network goes through the rows again and again; trees are added round by round."""
    return "epoch" if _PLAIN.keys() & facts.history.keys() or "lightning" in facts.family else "round"


def _grouped(history: Mapping[str, list[float]]) -> dict[str, dict[str, Floats]]:
    groups: dict[str, dict[str, Floats]] = {}
    for name, curve in history.items():
        match = _PART.match(name)
        part, measure = match.groups() if match else (name, name)
        values = np.array(curve, dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        if np.isfinite(values).any():
            groups.setdefault(measure, {})[part] = values
    return groups


def _chosen(groups: Mapping[str, Mapping[str, Floats]]) -> list[str]:
    """The loss, one more measure, the learning rate where it changes, the gradient's norm; then what else there is."""
    losses = [name for name in groups if _LOSS.search(name)]
    others = [name for name in groups if name not in losses and name not in _PLAIN]
    own = [name for name in _PLAIN if name in groups]
    flat = [name for name in own if all(np.ptp(curve[np.isfinite(curve)]) == 0 for curve in groups[name].values())]
    telling = [*losses[:1], *others[:1], *(name for name in own if name not in flat)]
    return list(dict.fromkeys([*telling, *losses, *others, *flat]))[:_CHARTS]


def _chart(measure: str, training: _Training) -> str:
    curves = training.groups[measure]
    steps = max(curve.size for curve in curves.values())
    known = np.concatenate([curve[np.isfinite(curve)] for curve in curves.values()])
    logarithmic = known.min() > 0 and math.log10(known.max() / known.min()) >= _DECADES
    drawn = {part: np.log10(curve) if logarithmic else curve for part, curve in curves.items()}
    scale = _decades(known) if logarithmic else _roomy(known)
    panel = Panel(Scale(1, max(steps, 2), _whole), scale, training.step, _PLAIN.get(measure, measure).lower())
    colours = _colours(len(curves))
    marks = [_line(panel, curve, css) for curve, css in zip(drawn.values(), colours, strict=True)]
    best = training.best
    if best and best[1] == steps:
        at = best[0]
        marks = [panel.upright(at + 1.0), *marks, *_dots(panel, drawn, curves, at=at, step=training.step)]
    said = _sentence("; ".join(_told(measure, part, curve, step=training.step) for part, curve in curves.items()))
    if best and best[1] == steps:
        said += f" Dashed: {training.step} {best[0] + 1}, the lowest loss on held-out rows."
    return figure(
        _PLAIN.get(measure, "Training"),
        panel.draw(*marks, label=f"Training curve of {_PLAIN.get(measure, measure).lower()}: {said}"),
        note=said,
        key=tuple(zip(colours, curves, strict=True)) if measure not in _PLAIN else (),
    )


def _told(measure: str, part: str, curve: Floats, *, step: str) -> str:
    """Say where a curve ends, and where a loss on held-out rows was lowest or what moved was highest."""
    steps = np.flatnonzero(np.isfinite(curve))
    ends = f"ends at {shown(float(curve[steps[-1]]))}"
    if measure in _PLAIN:
        top = int(np.nanargmax(curve))
        return (
            f"starts at {shown(float(curve[steps[0]]))}, highest {shown(float(curve[top]))} in {step} {top + 1}, {ends}"
        )
    if not _LOSS.search(measure) or part.startswith("train"):
        return f"{part} {ends}"
    best = int(np.nanargmin(curve))
    return f"{part} {ends}, lowest {shown(float(curve[best]))} in {step} {best + 1}"


def _dots(
    panel: Panel, drawn: Mapping[str, Floats], curves: Mapping[str, Floats], *, at: int, step: str
) -> Iterator[str]:
    """Mark where each curve is at the best step."""
    for (part, curve), css in zip(drawn.items(), _colours(len(drawn)), strict=True):
        if at < curve.size and np.isfinite(curve[at]):
            title = f"{part} {shown(float(curves[part][at]))} in {step} {at + 1}"
            yield panel.dots(np.array([at + 1.0]), curve[[at]], css, titles=[title])


def _line(panel: Panel, curve: Floats, css: str) -> str:
    known = np.flatnonzero(np.isfinite(curve))
    x, y = thin((known + 1).astype(np.float64), curve[known])
    return panel.line(x, y, css) if x.size > 1 else panel.dots(x, y, css)


def _roomy(known: Floats) -> Scale:
    low, high = float(known.min()), float(known.max())
    room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room)


def _decades(known: Floats) -> Scale:
    """An axis of powers of ten, from one whole power to another."""
    return Scale(math.floor(math.log10(known.min())), math.ceil(math.log10(known.max())), _power)


def _power(exponent: float) -> str:
    """Write 10 to a whole power; what lies between has a line, but no number."""
    if abs(exponent - round(exponent)) > 1e-6:  # noqa: PLR2004 - rounding of the ticks
        return ""
    power = round(exponent)
    return f"{10.0**power:g}" if -4 <= power <= 5 else f"1e{power}".replace("-", "−")  # noqa: PLR2004 - few letters


def _whole(step: float) -> str:
    """Write a step; there are none between whole ones."""
    return f"{round(step):,}" if abs(step - round(step)) < 1e-6 else ""  # noqa: PLR2004 - rounding of the ticks


def _sentence(said: str) -> str:
    return f"{said[0].upper()}{said[1:]}."


def _colours(curves: int) -> list[str]:
    return [f"c{1 + index % 3}" for index in range(curves)]
