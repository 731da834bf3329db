"""Libraries: ranges, conflicts, versions known to be bad, and which extras are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlops.doctor.distributions import OURS, Installed, canonical
from mlops.doctor.finding import Finding, fail, ok, warn

__all__ = ["BAD", "Bad", "examine_extras", "examine_libraries"]

_TOPIC = "libraries"
_EXTRAS = "extras"
_COLLECTIONS = frozenset({"all", "dev"})
"""Extras that are no technology."""


@dataclass(frozen=True)
class Bad:
    """Versions of a library that must not be used."""

    library: str
    versions: str
    why: str
    fix: str


BAD = (
    Bad("lightning", "==2.6.2", "a malicious release", "pip install 'lightning>=2.6.6,<2.7', and change all passwords"),
    Bad("lightning", "==2.6.3", "a malicious release", "pip install 'lightning>=2.6.6,<2.7', and change all passwords"),
    Bad("hydra-core", "<1.3.8", "runs code named in configs (CVE-2026-68508)", "pip install 'hydra-core>=1.3.8,<1.4'"),
    Bad("torch", "<2.10", "runs code in crafted weights (CVE-2025-32434, CVE-2026-24747)", "pip install 'torch>=2.10'"),
    Bad("skops", "<0.12", "runs code in crafted files (CVE-2025-54886)", "pip install --upgrade skops"),
    Bad("whylogs", "<1.6.4", "does not run on numpy 2", "pip install 'whylogs>=1.6.4,<1.7'"),
)
"""Versions known to be bad; a range in `pyproject.toml` speaks only for what an extra installs."""


def examine_libraries(installed: Installed) -> Iterator[Finding]:
    """Compare what is installed with what mlops and all others ask for."""
    own = installed.unmet(installed.wanted_by(OURS))
    for text in own:
        yield fail(_TOPIC, text, where=OURS, fix=f"pip install --upgrade {OURS}")
    conflicts = list(_conflicts(installed))
    yield from conflicts
    bad = list(_bad(installed))
    yield from bad
    if not own and not conflicts and not bad:
        yield ok(_TOPIC, f"{len(installed.versions)} libraries, each as the others ask for")


def _conflicts(installed: Installed) -> Iterator[Finding]:
    """Find what ``pip check`` finds."""
    for name in sorted(installed.versions):
        for text in installed.unmet(installed.wanted_by(name)) if name != OURS else ():
            yield warn(_TOPIC, f"{name}: {text}", fix=f"pip install --upgrade {name}, then pip check")


def _bad(installed: Installed) -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    for item in BAD:
        version = installed.versions.get(canonical(item.library))
        if version is not None and SpecifierSet(item.versions).contains(version, prereleases=True):
            yield fail(_TOPIC, f"{item.library} {version}: {item.why}", fix=item.fix)


def examine_extras(installed: Installed) -> Iterator[Finding]:
    """Say of each extra whether its libraries are there."""
    extras = [extra for extra in installed.extras if extra not in _COLLECTIONS]
    states = {extra: _missing(installed, extra) for extra in extras}
    whole = [extra for extra, missing in states.items() if not missing]
    if whole:
        yield ok(_EXTRAS, f"present: {', '.join(whole)}")
    for extra, missing in states.items():
        if missing:
            yield _lacking(installed, extra, missing)


def _missing(installed: Installed, extra: str) -> list[str]:
    wanted = installed.wanted_by(OURS, extra=extra)
    return installed.unmet(item for item in wanted if canonical(item.name) != OURS)


def _lacking(installed: Installed, extra: str, missing: list[str]) -> Finding:
    wanted = [item for item in installed.wanted_by(OURS, extra=extra) if canonical(item.name) != OURS]
    install = f"pip install 'mlops[{extra}]'"
    if len(missing) == len(wanted) and not any(installed.has(item.name) for item in wanted):
        return Finding("ok", _EXTRAS, f"absent: {extra}", fix=install)
    return warn(_EXTRAS, f"{extra} is there in part: {'; '.join(missing)}", fix=install)
