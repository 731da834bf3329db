"""Words of a column of text, and their numbers: what weights and tokens are both made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from mlops.formats.features import Input
from mlops.formats.inputs import NULL_CATEGORY
from mlops.formats.words import Words, words_of
from mlops_features.blocks import slices
from mlops_features.text_options import Text

__all__ = ["NOTHING", "UNKNOWN", "Found", "Reading", "Spelling", "count_terms", "reading_of", "typical_text"]

NOTHING, UNKNOWN = 0, 1
"""Numbers that are no word's own: where a text has ended, and a word that training did not keep."""

_SHOWN = 5
"""Words of an example."""

_SOME = 10_000
"""Rows that are enough to find frequent words."""

Whole = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Reading:
    """A column of text and how its words are found."""

    column: str
    dtype: str
    words: Words
    example: str
    """The most frequent words."""

    def input(self) -> Input:
        """Describe the raw column as the graph takes it."""
        return Input(name=self.column, kind="text", dtype=self.dtype, words=self.words)


class Found(NamedTuple):
    """Words of some texts, text after text."""

    rows: Whole
    """(words,) number of the text."""

    numbers: Whole
    """(words,) number of the word."""


@dataclass(frozen=True)
class Spelling:
    """Words with numbers, from 2 on in this order; every other word is ``UNKNOWN``."""

    words: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """What the graph looks up, a missing text among it."""
        return ["", NULL_CATEGORY, *self.words]

    @property
    def numbers(self) -> list[int]:
        """What it finds for each key."""
        return [NOTHING, NOTHING, *range(UNKNOWN + 1, UNKNOWN + 1 + len(self.words))]

    def find(self, texts: pl.Series, *, words: Words) -> Found:
        """Number the words of raw texts, as splitting and looking up in the graph does."""
        split = _split(texts, words)
        numbers = split["word"].replace_strict(
            pl.Series(self.keys, dtype=pl.String), pl.Series(self.numbers), default=UNKNOWN, return_dtype=pl.Int64
        )
        return Found(split["row"].to_numpy(), numbers.to_numpy())


def reading_of(values: pl.Series, *, options: Text, terms: Sequence[str]) -> Reading:
    """Describe a column of text; ``terms`` come most frequent first."""
    words = Words(pattern=options.pattern, lowercase=options.lowercase)
    return Reading(values.name, str(values.dtype), words, " ".join(terms[:_SHOWN]))


def typical_text(values: pl.Series) -> str:
    """Make a text of the most frequent words of some rows; nobody's own."""
    counted = count_terms(values.head(_SOME), words=Words(pattern=r"\w\w+"), ngrams=(1, 1))
    return " ".join(counted["term"].head(_SHOWN).to_list())


def count_terms(values: pl.Series, *, words: Words, ngrams: tuple[int, int]) -> pl.DataFrame:
    """Count the terms of train rows: words, and runs of neighbouring words.

    Args:
        values: raw texts.
        words: how words are found.
        ngrams: shortest and longest run.

    Returns:
        ``term``, ``length`` (words in it), ``count`` and ``documents`` (rows it occurs in); the most
        frequent first, equally frequent ones by name.
    """
    counted = None
    for _, some in slices(values):
        frames = [counted] if counted is not None else []
        frames += [_counted(_split(some, words), length) for length in range(ngrams[0], ngrams[1] + 1)]
        counted = pl.concat(frames).group_by("term", "length").agg(pl.col("count", "documents").sum())
    if counted is None:
        return _counted(_split(values, words), ngrams[0])
    return counted.sort(["count", "term", "length"], descending=[True, False, False])


def _split(texts: pl.Series, words: Words) -> pl.DataFrame:
    """``row`` and ``word`` of every word; a missing text is its sign, as in the graph's input."""
    joined = words_of(texts, words).fill_null(NULL_CATEGORY)
    frame = pl.DataFrame({"row": pl.Series(range(len(joined)), dtype=pl.Int64), "word": joined.str.split(" ")})
    return frame.explode("word")


def _counted(split: pl.DataFrame, length: int) -> pl.DataFrame:
    """Count the runs of one length within rows."""
    words = [pl.col("word").shift(-place) for place in range(length)]
    whole = pl.col("row") == pl.col("row").shift(-(length - 1))
    usable = pl.all_horizontal(~word.is_in(["", NULL_CATEGORY]) for word in words)
    runs = split.select("row", pl.concat_str(words, separator=" ").alias("term"), (whole & usable).alias("whole"))
    return (
        runs.filter("whole")
        .group_by("term")
        .agg(pl.len().cast(pl.Int64).alias("count"), pl.col("row").n_unique().cast(pl.Int64).alias("documents"))
        .select("term", pl.lit(length, dtype=pl.Int64).alias("length"), "count", "documents")
    )
