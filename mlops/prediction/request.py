"""What is asked of a prediction, read from the words of a command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, get_args

from mlops.errors import Fault, RecipeError

__all__ = ["KEYS", "BadRows", "Request"]

BadRows = Literal["fail", "keep", "skip"]

KEYS = {
    "model": "a folder of a bundle, MODEL@VERSION or MODEL@ALIAS of the registry, or a recipe (its last finished run)",
    "input": "file, or glob in quotes: CSV, Parquet, JSON Lines or Arrow, by its suffix",
    "output": "file to write: CSV, Parquet, JSON Lines or Arrow, by its suffix",
    "keep": "columns of the input to write beside the predictions, such as keep=id,time; those of CSV stay text",
    "bad_rows": "fail (the default) writes nothing; keep writes them without a prediction, skip leaves them out",
    "overwrite": "true replaces a file that is there",
    "batch": "rows at a time",
    "null": "texts of CSV files that mean a missing value, such as null=NA,none",
    "separator": "what stands between the fields of CSV files",
    "history.NAME": "file or glob of the table from which the columns of that history are computed",
}
"""Every key of the verb and what it says."""

_HISTORY = "history."
_NEEDED = ("model", "input", "output")
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class Request:
    """One file of predictions to make."""

    model: str
    input: str
    output: str
    keep: tuple[str, ...] = ()
    bad_rows: BadRows = "fail"
    overwrite: bool = False
    batch: int | None = None
    null: tuple[str, ...] = ()
    separator: str = ","
    history: Mapping[str, str] = field(default_factory=dict)
    """History's name in the recipe → file or glob of the other table."""

    @classmethod
    def read(cls, words: Iterable[str]) -> Request:
        """Read ``key=value`` words.

        Raises:
            RecipeError: words are wrong; all of them are listed.
        """
        faults: list[Fault] = []
        given: dict[str, str] = {}
        for word in words:
            key, sign, value = word.partition("=")
            fault = _fault(word, key, value, known=given) if sign else Fault("", word, "is no key=value", _usage())
            if fault is not None:
                faults.append(fault)
            given[key] = value
        faults += [Fault(key, "command line", "is not given", f"say {key}=…: {KEYS[key]}") for key in _lacking(given)]
        if faults:
            raise RecipeError("", faults)
        return cls._of(given)

    @classmethod
    def _of(cls, given: Mapping[str, str]) -> Request:
        return cls(
            model=given["model"],
            input=given["input"],
            output=given["output"],
            keep=_list(given.get("keep", "")),
            bad_rows=next(word for word in get_args(BadRows) if word == given.get("bad_rows", "fail")),
            overwrite=_WORDS[given.get("overwrite", "false")],
            batch=int(given["batch"]) if "batch" in given else None,
            null=_list(given.get("null", "")),
            separator={"tab": "\t"}.get(given.get("separator", ","), given.get("separator", ",")),
            history={key.removeprefix(_HISTORY): value for key, value in given.items() if key.startswith(_HISTORY)},
        )


def _list(text: str) -> tuple[str, ...]:
    bare = text.removeprefix("[").removesuffix("]")
    return tuple(item.strip() for item in bare.split(",") if item.strip())


def _usage() -> str:
    return f"keys are {', '.join(KEYS)}"


def _lacking(given: Mapping[str, str]) -> list[str]:
    return [key for key in _NEEDED if not given.get(key)]


def _fault(word: str, key: str, value: str, *, known: Mapping[str, str]) -> Fault | None:
    if key not in KEYS and not (key.startswith(_HISTORY) and key != _HISTORY):
        near = get_close_matches(key, KEYS, n=1, cutoff=0.6)
        return Fault(key, word, "there is no such key", f"did you mean {near[0]!r}?" if near else _usage())
    return Fault(key, word, "is given twice", "leave one out") if key in known else _wrong_value(word, key, value)


def _wrong_value(word: str, key: str, value: str) -> Fault | None:
    if key == "bad_rows" and value not in get_args(BadRows):
        return Fault(key, word, f"{value!r} is no choice", f"one of {', '.join(get_args(BadRows))}")
    if key == "overwrite" and value not in _WORDS:
        return Fault(key, word, f"{value!r} is not true or false", "say overwrite=true")
    if key == "batch" and not (value.isascii() and value.isdigit() and int(value) > 0):
        return Fault(key, word, f"{value!r} is no number of rows", "such as batch=65536")
    if key == "separator" and value != "tab" and len(value) != 1:
        return Fault(key, word, f"{value!r} is not one character", "such as separator=';', or separator=tab")
    return None
