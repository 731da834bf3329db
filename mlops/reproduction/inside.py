"""The first thing that differs inside two artifacts: file, then key, column and row, tensor, or byte."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlops.fingerprint.values import flattened, same, shown
from mlops.store.manifest import MANIFEST, Manifest

__all__ = ["first_difference"]

_CHUNK = 1 << 20


def first_difference(was: Path, now: Path) -> str:
    """Say what differs first between two artifacts' folders, and how many files do.

    Args:
        was: the run's artifact, which may have been cleared away.
        now: the replay's.
    """
    if not (was / MANIFEST).is_file():
        return "the run's own artifact is no longer in the store, so what differs inside is not known"
    old, new = (Manifest.from_bytes((folder / MANIFEST).read_bytes()).files for folder in (was, now))
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    if not names:
        return "the manifests differ in form only"
    alone = [
        f"{name} is only in the {'run' if name in old else 'replay'}"
        for name in names
        if not (name in old and name in new)
    ]
    first = alone[0] if alone else f"{names[0]}: {_within(was / names[0], now / names[0])}"
    more = len(names) - 1
    return first + (f"; {more} more {'file differs' if more == 1 else 'files differ'}" if more else "")


def _within(was: Path, now: Path) -> str:
    """Look into a file as its kind allows; what cannot be read so is compared byte by byte."""
    looks: dict[str, Callable[[Path, Path], str]] = {
        ".json": _in_json,
        ".parquet": _in_table,
        ".safetensors": _in_tensors,
    }
    look = looks.get(was.suffix)
    try:
        found = look(was, now) if look else ""
    except Exception:  # noqa: BLE001 - a damaged or foreign file may raise anything; its bytes still differ
        found = ""
    return found or _in_bytes(was, now)


def _in_json(was: Path, now: Path) -> str:
    old, new = (dict(_leaves(json.loads(path.read_bytes()))) for path in (was, now))
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            return f"{name} {shown(old[name])} → not there"
        if name not in old:
            return f"{name} not there → {shown(new[name])}"
        if not same(old[name], new[name]):
            return f"{name} {shown(old[name])} → {shown(new[name])}"
    return ""


def _leaves(value: Any) -> Any:
    return flattened(value if isinstance(value, Mapping) else {"": value})


def _in_table(was: Path, now: Path) -> str:
    import polars as pl

    old, new = pl.read_parquet(was), pl.read_parquet(now)
    if old.schema != new.schema:
        pairs = {*old.schema.items()} ^ {*new.schema.items()}
        return f"other columns or types: {', '.join(sorted({name for name, _ in pairs})) or 'another order'}"
    if old.height != new.height:
        return f"{old.height:,} rows → {new.height:,} rows"
    for name in old.columns:
        differing = old[name].ne_missing(new[name])
        if differing.any():
            row = differing.arg_true()[0]
            count = int(differing.sum())
            values = f"{old[name][row]!r} → {new[name][row]!r}"
            return f"column {name}, row {row + 1}: {values} ({count:,} of {old.height:,} rows)"
    return ""


def _in_tensors(was: Path, now: Path) -> str:
    old, new = _tensors(was), _tensors(now)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            return f"tensor {name}" if name in old and name in new else f"tensor {name} is in one of them only"
    return ""


def _tensors(path: Path) -> dict[str, tuple[Any, bytes]]:
    """Read name → (type and shape, bytes); a file is the length of its header, the header, the bytes."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    body = content[8 + length :]
    return {
        name: ((facts["dtype"], facts["shape"]), body[slice(*facts["data_offsets"])])
        for name, facts in header.items()
        if name != "__metadata__"
    }


def _in_bytes(was: Path, now: Path) -> str:
    sizes = [path.stat().st_size for path in (was, now)]
    told = f"{sizes[0]:,} bytes" if sizes[0] == sizes[1] else f"{sizes[0]:,} → {sizes[1]:,} bytes"
    at = 0
    with was.open("rb") as old, now.open("rb") as new:
        while True:
            left, right = old.read(_CHUNK), new.read(_CHUNK)
            if left != right:
                pairs = enumerate(zip(left, right, strict=False))
                at += next((index for index, (a, b) in pairs if a != b), min(len(left), len(right)))
                return f"differs from byte {at + 1:,} on ({told})"
            if not left:
                return f"other file, same bytes ({told})"
            at += len(left)
