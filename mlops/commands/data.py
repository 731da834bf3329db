"""``mlops data``: version data, compare versions, see what runs read, propose a contract."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

__all__ = ["main"]

_MODULES = {
    "infer": "data_infer",
    "track": "data_versions",
    "push": "data_versions",
    "pull": "data_versions",
    "log": "data_history",
    "diff": "data_history",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks and print it."""
    asked = _parser().parse_args(argv)
    module = importlib.import_module(f"mlops.commands.{_MODULES[asked.verb]}")
    code: int = getattr(module, asked.verb)(asked)
    return code


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="mlops data", description="Version data, compare versions, see what runs read.", allow_abbrev=False
    )
    verbs = made.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_infer(verbs.add_parser("infer", help="propose a contract from a table", allow_abbrev=False))
    track = verbs.add_parser("track", help="put files or folders under version control", allow_abbrev=False)
    track.add_argument("paths", nargs="+", metavar="PATH", help="file or folder of the project")
    push = verbs.add_parser("push", help="send contents that the remote lacks", allow_abbrev=False)
    pull = verbs.add_parser("pull", help="fetch contents that this machine lacks", allow_abbrev=False)
    for verb in (push, pull):
        verb.add_argument("paths", nargs="*", metavar="PATH", help="only these; everything tracked when left out")
        verb.add_argument("--rev", default="", help="as of this tag, branch or commit, rather than the workspace")
        verb.add_argument("--remote", default="", metavar="NAME", help="a remote other than the default one")
        verb.add_argument("--jobs", type=int, default=0, metavar="N", help="transfers at a time")
    log = verbs.add_parser("log", help="list what each run read", allow_abbrev=False)
    log.add_argument("path", nargs="?", default="", metavar="PATH", help="only runs that read this source")
    log.add_argument("--recipe", metavar="R", help="only runs of this recipe")
    log.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many runs, the newest first")
    diff = verbs.add_parser("diff", help="compare two tables, column by column", allow_abbrev=False)
    for side, word in (("a", "old"), ("b", "new")):
        diff.add_argument(
            side, metavar=side.upper(), help=f"{word} one: PATH, PATH@REV, a run's ID, 'last', or RUN:SECTION"
        )
    for verb in (track, push, pull, log, diff):
        verb.add_argument("--json", action="store_true", help="print JSON")
    return made


def _add_infer(infer: argparse.ArgumentParser) -> None:
    infer.add_argument("path", help="CSV, Parquet, JSON Lines or Arrow file, glob or URL")
    infer.add_argument("--margin", type=float, default=0.1, help="widen numeric ranges by this share of their span")
    infer.add_argument(
        "--choices", type=int, default=20, help="list the allowed values of texts with at most this many"
    )
    infer.add_argument("--json", action="store_true", help="print JSON instead of YAML")
