"""Fitted features without some of them: what is not needed any more is not computed, nor its column asked for."""

from __future__ import annotations

from dataclasses import replace

from mlops_features.plan import WAVES, Category, Plan, Quantity, onehot_names

__all__ = ["without"]

Names = frozenset[str]


def without(plan: Plan, dropped: Names) -> Plan:
    """Take single features out of a plan."""
    quantities = tuple(item for item in (_smaller(item, dropped) for item in plan.quantities) if item)
    cycles = tuple(item for item in plan.cycles if not {f"{item.name}__{wave}" for wave in WAVES} <= dropped)
    categories = tuple(item for item in plan.categories if not _names(item) <= dropped)
    used = {item.column for item in quantities} | {item.column for item in cycles} | {item.name for item in categories}
    used |= {block.column for block in plan.blocks}
    smaller = replace(
        plan,
        inputs=tuple(item for item in plan.inputs if item.name in used),
        quantities=quantities,
        cycles=cycles,
        categories=categories,
        example={name: value for name, value in plan.example.items() if name in used},
        crossed={name: table for name, table in plan.crossed.items() if name in used},
    )
    return replace(smaller, left_out=dropped & set(smaller.all_names))


def _smaller(item: Quantity, dropped: Names) -> Quantity | None:
    indicator = item.indicator and f"{item.name}__missing" not in dropped
    gone = set(item.flags or (item.name,)) <= dropped
    return None if gone and not indicator else replace(item, indicator=indicator)


def _names(item: Category) -> set[str]:
    if item.encode == "onehot":
        return set(onehot_names(item))
    return set(item.columns or (item.name,))
