"""Judging a table by its contract: every rule in one pass, then a verdict, then the rows that may pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from mlops.errors import ContractBroken, StageError
from mlops.formats.table import Table
from mlops.formats.validation import Validation
from mlops.stage import Context
from mlops_polars.expected import expected
from mlops_polars.expressions import first_line
from mlops_polars.outcome import Example, Outcome
from mlops_polars.rules import RowRule, Skipped, row_rules
from mlops_polars.tablewide import table_outcomes

if TYPE_CHECKING:
    from mlops_polars.validate import Validate

__all__ = ["judge"]

_ROW = "__row__"
_EXAMPLES = 5
_Rules = Mapping[str, RowRule]


def judge(contract: Validate, table: Table, *, context: Context) -> tuple[Table, Validation]:
    """Judge a table; write the rows that may pass, and what was found.

    Raises:
        ContractBroken: a rule of severity fail is broken; all broken rules are listed.
        StageError: a rule does not fit the table, or quarantine would take every row.
    """
    asked = list(row_rules(contract, table.scan().collect_schema()))
    rules = {f"__bad{index}__": rule for index, rule in enumerate(asked) if isinstance(rule, RowRule)}
    skipped = [rule for rule in asked if isinstance(rule, Skipped)]
    outcomes = [*table_outcomes(contract, table), *_skipped(skipped, table), *_judged(rules, table)]
    _tell(outcomes, context=context)

    taking = {flag: rule for flag, rule in rules.items() if rule.severity == "quarantine"}
    aside = _set_aside(taking, table)
    roles = table.roles.model_copy(update={"expected": expected(contract, table)})
    kept = Table.create(context.output("table"), _passing(taking, table), roles=roles)
    entries = [outcome.entry() for outcome in outcomes]
    validation = Validation.create(context.output("validation"), entries, rows=table.rows, quarantine=aside)
    return kept, validation


def _flagged(rules: _Rules, table: Table) -> pl.LazyFrame:
    """The table with one true-or-false column for each rule, true for a bad row."""
    return table.scan().with_columns(rule.bad.alias(flag) for flag, rule in rules.items())


def _skipped(rules: Sequence[Skipped], table: Table) -> Iterator[Outcome]:
    for rule in rules:
        yield Outcome(rule.name, rule.severity, passed=False, rows=table.rows, note=rule.note)


def _judged(rules: _Rules, table: Table) -> Iterator[Outcome]:
    """Judge all rules about rows in one pass over the columns that they use."""
    if not rules:
        return
    facts = _facts(rules, table)
    for flag, rule in rules.items():
        broken = int(facts[f"{flag}count"] or 0)
        examples = tuple(
            Example(row, value) for row, value in zip(facts[f"{flag}rows"], facts[f"{flag}values"], strict=True)
        )
        yield Outcome(rule.name, rule.severity, passed=not broken, rows=table.rows, broken=broken, examples=examples)


def _facts(rules: _Rules, table: Table) -> dict[str, Any]:
    answers = [
        answer
        for flag, rule in rules.items()
        for answer in (
            pl.col(flag).sum().alias(f"{flag}count"),
            pl.col(_ROW).filter(pl.col(flag)).head(_EXAMPLES).implode().alias(f"{flag}rows"),
            _shown(rule).filter(pl.col(flag)).head(_EXAMPLES).implode().alias(f"{flag}values"),
        )
    ]
    try:
        frame = _flagged(rules, table).with_row_index(_ROW, offset=1).select(answers)
        return frame.collect(engine="streaming").row(0, named=True)
    except pl.exceptions.PolarsError as exc:
        raise StageError(f"a rule cannot be judged on these rows: {first_line(exc)}") from exc


def _shown(rule: RowRule) -> pl.Expr:
    """The values that show why a row is bad."""
    return pl.col(rule.columns[0]) if len(rule.columns) == 1 else pl.struct(rule.columns or (_ROW,))


def _tell(outcomes: Sequence[Outcome], *, context: Context) -> None:
    """Log what is broken, and refuse the table when a rule of severity fail is."""
    broken = [outcome for outcome in outcomes if not outcome.passed]
    context.metric("rules_broken", len(broken))
    failing = [outcome for outcome in broken if outcome.severity == "fail"]
    if not failing:
        for outcome in broken:
            context.log.warning("%s", outcome.sentence())
        return
    lines = "".join(f"\n  - {outcome.sentence()}" for outcome in [*failing, *(o for o in broken if o not in failing)])
    count = "1 rule" if len(broken) == 1 else f"{len(broken)} rules"
    raise ContractBroken(
        f"the table breaks {count} of its contract, {len(failing)} of severity fail:{lines}",
        fix="mend the data, change the rule, or give it severity warn or quarantine",
    )


def _set_aside(taking: _Rules, table: Table) -> pl.DataFrame | None:
    """Collect the rows that go into quarantine, with the names of the rules they break."""
    if not taking:
        return None
    names = [pl.when(pl.col(flag)).then(pl.lit(rule.name)) for flag, rule in taking.items()]
    column = "rule" if "rule" not in table.columns else "__rule__"
    bad = _flagged(taking, table).filter(pl.any_horizontal(list(taking)))
    frame = bad.with_columns(pl.concat_str(names, separator="; ", ignore_nulls=True).alias(column)).drop(list(taking))
    aside = frame.collect(engine="streaming")
    if aside.height and aside.height == table.rows:
        raise StageError("quarantine would take every row", fix="look at the rules of severity quarantine")
    return aside


def _passing(taking: _Rules, table: Table) -> pl.LazyFrame:
    """The rows that stay."""
    if not taking:
        return table.scan()
    return _flagged(taking, table).filter(~pl.any_horizontal(list(taking))).drop(list(taking))
