"""The gate of how large a bundle may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from mlops.services.gate import Evidence, Finding, Gate

__all__ = ["Size"]

_UNITS: Mapping[str, int] = MappingProxyType(
    {"B": 1, "KB": 10**3, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
)


class Size(Gate):
    """The bundle's files together must not be too large to ship."""

    most: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$")] = "500MB"
    """Largest size that passes, such as 20MB or 1.5GiB."""

    def judge(self, evidence: Evidence) -> Finding:
        """Add the files up."""
        names = ("model.onnx", "signature.json", "lineage.json")
        size = sum((evidence.bundle.folder / name).stat().st_size for name in names)
        bound = _bytes(self.most)
        over = "" if size <= bound else f": {_text(size - bound)} too much"
        return Finding(
            size <= bound,
            f"the bundle has {_text(size)}, asked is at most {self.most}{over}",
            value=float(size),
            bound=float(bound),
            fix="take a smaller model, or allow more with `most`",
        )


def _bytes(text: str) -> int:
    number, unit = re.fullmatch(r"([\d.]+)\s*(\w+)", text).groups()  # type: ignore[union-attr] # the field's pattern holds
    return int(float(number) * _UNITS[unit])


def _text(size: int) -> str:
    for unit in ("GB", "MB", "kB"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.3g} {unit}"
    return f"{size} B"
