"""The list of all that is examined, in order; what cannot be examined is a finding too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from mlops.doctor.accelerators import examine_gpus
from mlops.doctor.capacity import examine_capacity
from mlops.doctor.choices import Choices
from mlops.doctor.disk import examine_disk
from mlops.doctor.distributions import Installed
from mlops.doctor.finding import Finding, warn
from mlops.doctor.holdings import examine_store
from mlops.doctor.libraries import examine_extras, examine_libraries
from mlops.doctor.ports import examine_ports
from mlops.doctor.python import examine_python
from mlops.doctor.repository import examine_repository
from mlops.doctor.serving import examine_deployments
from mlops.doctor.surroundings import examine_clock, examine_locale
from mlops.doctor.telemetry import examine_telemetry
from mlops.doctor.tracking import examine_tracker
from mlops.errors import MlopsError
from mlops.project import Project

__all__ = ["TOPICS", "examine"]

Check = Callable[[], Iterable[Finding]]

TOPICS = (
    *("python", "libraries", "extras", "gpu", "machine", "disk", "store"),
    *("tracker", "telemetry", "ports", "deployments", "git", "clock", "locale"),
)
"""What is examined, in this order."""


def examine(
    project: Project, *, deep: bool = False, topics: Iterable[str] = TOPICS, overrides: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Examine this machine and a project. Loads no library that stages use.

    Args:
        project: the project.
        deep: hash every artifact again, and have databases check themselves.
        topics: those of `TOPICS` to examine.
        overrides: a recipe, whose tracker and ports are meant; those of every choice when not given.
    """
    wanted = set(topics)
    checks = _checks(Choices(project, tuple(overrides)), Installed.here(), deep=deep)
    return tuple(finding for topic in TOPICS if topic in wanted for finding in _examined(topic, checks[topic]))


def _checks(choices: Choices, installed: Installed, *, deep: bool) -> Mapping[str, Check]:
    project = choices.project
    return {
        "python": lambda: examine_python(installed),
        "libraries": lambda: examine_libraries(installed),
        "extras": lambda: examine_extras(installed),
        "gpu": lambda: examine_gpus(installed),
        "machine": lambda: examine_capacity(installed),
        "disk": lambda: examine_disk(project),
        "store": lambda: examine_store(project, deep=deep),
        "tracker": lambda: examine_tracker(choices),
        "telemetry": lambda: examine_telemetry(installed),
        "ports": lambda: examine_ports(choices),
        "deployments": lambda: examine_deployments(project),
        "git": lambda: examine_repository(project),
        "clock": lambda: examine_clock(project),
        "locale": examine_locale,
    }


def _examined(topic: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except MlopsError as exc:
        return [warn(topic, f"cannot be examined: {exc.what}", where=exc.where, fix=exc.fix)]
    except Exception as exc:  # noqa: BLE001 - a strange machine must not end the whole examination
        return [warn(topic, f"cannot be examined: {type(exc).__name__}: {exc}", fix="please report this")]
