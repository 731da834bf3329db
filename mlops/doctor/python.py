"""Whether this Python is one that mlops runs on."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from mlops.doctor.distributions import OURS, Installed
from mlops.doctor.finding import Finding, fail, ok, warn

__all__ = ["examine_python"]

_TOPIC = "python"


def examine_python(installed: Installed) -> Iterator[Finding]:
    """Look at version, word size and environment."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield _version(version, installed)
    if sys.maxsize < 2**32:
        yield fail(_TOPIC, "Python has 32 bits", where=sys.executable, fix="install a 64-bit Python")
    if sys.prefix == sys.base_prefix:
        yield warn(
            _TOPIC, "no virtual environment is active", where=sys.prefix, fix="python -m venv .venv, and install there"
        )
    if not installed.has(OURS):
        fix = "pip install mlops (or pip install -e . in a checkout)"
        yield warn(_TOPIC, "mlops is imported but not installed: its requirements are not known", fix=fix)


def _version(version: str, installed: Installed) -> Finding:
    from packaging.specifiers import SpecifierSet

    if installed.python and not SpecifierSet(installed.python).contains(version, prereleases=True):
        fix = f"make an environment with Python {installed.python}"
        return fail(_TOPIC, f"Python {version} is outside {installed.python}", where=sys.executable, fix=fix)
    return ok(_TOPIC, f"Python {version}", where=sys.executable)
