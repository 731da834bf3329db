"""Whether the libraries that report on their users are kept from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mlops.doctor.distributions import Installed
from mlops.doctor.finding import Finding, ok, warn

__all__ = ["SWITCHES", "Switch", "examine_telemetry"]

_TOPIC = "telemetry"


@dataclass(frozen=True)
class Switch:
    """The variable that keeps a library from reporting."""

    library: str
    variable: str
    value: str
    """What to set it to."""

    off: frozenset[str]
    """Values, in small letters, that the library takes for off."""

    @property
    def export(self) -> str:
        """The command that sets it."""
        return f"export {self.variable}={self.value}"


_TRUE = frozenset({"1", "true", "yes", "on"})

SWITCHES = (
    Switch("whylogs", "WHYLOGS_NO_ANALYTICS", "True", _TRUE),
    Switch("bentoml", "BENTOML_DO_NOT_TRACK", "True", frozenset({"true"})),
    Switch("mlflow", "MLFLOW_DISABLE_TELEMETRY", "true", frozenset({"true", "1"})),
    Switch("dvc", "DVC_NO_ANALYTICS", "1", _TRUE),
    Switch("ray", "RAY_USAGE_STATS_ENABLED", "0", frozenset({"0"})),
)


def examine_telemetry(installed: Installed) -> Iterator[Finding]:
    """Look at each switch; those that are not set, mlops sets where it loads the library."""
    unset = []
    for switch in SWITCHES:
        if not installed.has(switch.library):
            continue
        value = os.environ.get(switch.variable)
        if value is None:
            unset.append(switch)
        elif value.strip().lower() in switch.off:
            yield ok(_TOPIC, f"{switch.library}: off", where=f"{switch.variable}={value}")
        else:
            what = f"{switch.library} takes {switch.variable}={value} for a yes to telemetry"
            yield warn(_TOPIC, what, where=switch.variable, fix=switch.export)
    if unset:
        names = ", ".join(switch.library for switch in unset)
        exports = "; ".join(switch.export for switch in unset)
        yield Finding("ok", _TOPIC, f"{names}: off wherever mlops loads them", "", f"for your own programs: {exports}")
