"""Arguments that several verbs share."""

from __future__ import annotations

import argparse

from mlops.plan import Selection

__all__ = ["parser", "selection", "with_overrides", "with_selection"]


def parser(verb: str, description: str) -> argparse.ArgumentParser:
    """Make a verb's parser; every verb takes ``--json``."""
    made = argparse.ArgumentParser(prog=f"mlops {verb}", description=description, allow_abbrev=False)
    made.add_argument("--json", action="store_true", help="print machine-readable output")
    return made


def with_overrides(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Take a recipe and overrides, as Hydra reads them."""
    made.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="recipe=NAME, then group=choice or key=value")
    return made


def with_selection(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Take a selection of stages."""
    made.add_argument("--from", dest="start", metavar="STAGE", help="start here; what is above is only reused")
    made.add_argument("--to", dest="end", metavar="STAGE", help="stop after this stage")
    made.add_argument("--only", action="append", default=[], metavar="STAGE", help="this stage alone (repeatable)")
    made.add_argument("--force", action="append", default=[], metavar="STAGE", help="run it even if it could be reused")
    return made


def selection(given: argparse.Namespace) -> Selection:
    """Read the selection."""
    return Selection(given.start, given.end, tuple(given.only), tuple(given.force))
