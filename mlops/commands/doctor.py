"""``mlops doctor``: what is well with this machine and project, and what is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from mlops.commands.arguments import parser
from mlops.doctor import Finding, examine
from mlops.doctor.examination import TOPICS
from mlops.doctor.finding import LEVELS
from mlops.project import Project
from mlops.text import table
from mlops.workspace import Workspace

__all__ = ["main"]

_DESCRIPTION = (
    "Examine Python, libraries, GPU, machine, disk, store, tracker, telemetry, ports, deployments, "
    "git, clock and locale. Each finding is ok, warn or fail, with its fix. Exit code 1 when one is fail. "
    "With recipe=NAME (and overrides), tracker and ports are those of the recipe."
)


def main(argv: list[str]) -> int:
    """Examine and print the findings."""
    made = parser("doctor", _DESCRIPTION)
    made.usage = "mlops doctor [TOPIC ...] [recipe=NAME ...] [--deep] [--json]"
    made.add_argument("topics", nargs="*", metavar="TOPIC", help=f"only these: {', '.join(TOPICS)}")
    made.add_argument("--deep", action="store_true", help="hash every artifact again; let databases check themselves")
    given = made.parse_args([word for word in argv if not _is_override(word)])
    overrides = [word for word in argv if _is_override(word)]
    unknown = [topic for topic in given.topics if topic not in TOPICS]
    if unknown:
        made.error(f"there is no topic {unknown[0]!r}; topics are {', '.join(TOPICS)}")
    if overrides:
        Workspace.here().recipe(overrides)  # its mistakes are told as such, and not as what cannot be examined
    findings = examine(Project.here(), deep=given.deep, topics=given.topics or TOPICS, overrides=overrides)
    counts = {level: sum(finding.level == level for finding in findings) for level in LEVELS}
    if given.json:
        print(json.dumps({"findings": [asdict(item) for item in findings], "counts": counts}, ensure_ascii=False))
    else:
        print(_drawn(findings))
        print(f"\n{', '.join(f'{count} {level}' for level, count in counts.items())}")
    return 1 if counts["fail"] else 0


def _is_override(word: str) -> bool:
    return "=" in word and not word.startswith("-")


def _drawn(findings: Sequence[Finding]) -> str:
    rows: list[tuple[str, str, str]] = []
    for item in findings:
        rows.append((item.level, item.topic, item.what))
        if item.level != "ok":
            rows += [("", "", f"  where: {item.where}")] * bool(item.where)
        rows += [("", "", f"  fix: {item.fix}")] * bool(item.fix)
    return table(("level", "topic", "found"), rows)
