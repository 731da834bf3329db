"""Text as weights of its words: TF-IDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.features import Block, Input
from mlops.formats.words import Words
from mlops_features.blocks import FittedBlock, slices
from mlops_features.text import NOTHING, UNKNOWN, Found, Reading, Spelling, count_terms, reading_of
from mlops_features.text_options import Text

if TYPE_CHECKING:
    from mlops_features.nodes import Nodes

__all__ = ["TermsBlock", "fit_terms"]

Single = np.ndarray[Any, np.dtype[np.float32]]
Whole = np.ndarray[Any, np.dtype[np.int64]]

_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class TermsBlock(FittedBlock):
    """Weights of terms, in float32: tf × idf, divided by the length of the row's vector.

    tf is n, or 1 + ln n when sublinear, for a term that occurs n times; idf = ln((1 + rows) / (1 + rows
    with the term)) + 1, on train rows: as scikit-learn's ``TfidfVectorizer`` has it with
    ``smooth_idf=True, norm="l2"`` (https://scikit-learn.org/stable/modules/feature_extraction.html).
    """

    opset: ClassVar[int] = 20

    column: str
    reading: Reading
    terms: tuple[str, ...]
    """Shorter runs of words first, then the more frequent."""

    lengths: tuple[int, ...]
    """Words of each term."""

    weights: tuple[float, ...]
    """idf of each term."""

    spelling: Spelling
    sublinear: bool

    @property
    def block(self) -> Block:
        """Kind and shape."""
        return Block(name=self.column, kind="terms", shape=(len(self.terms),))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(f"{self.column}~{term}" for term in self.terms)

    def input(self) -> Input:
        """Describe the raw column as the graph takes it."""
        return self.reading.input()

    @property
    def example(self) -> str:
        """The most frequent words."""
        return self.reading.example

    def prepare(self, values: pl.Series) -> pl.Series:
        """Prepare raw values: an array of float32 a row, of the block's width."""
        made = np.empty((len(values), len(self.terms)), dtype=np.float32)
        for start, some in slices(values):
            counts = self._counts(self.spelling.find(some, words=self.reading.words), rows=len(some))
            made[start : start + len(some)] = self._weighed(counts)
        return pl.Series(self.column, made)

    def _counts(self, found: Found, *, rows: int) -> Single:
        """How often each term occurs, (rows, terms)."""
        made = np.zeros(rows * len(self.terms), dtype=np.int64)
        for length, first, codes in self._pool():
            order = np.argsort(codes)
            runs, of_row = self._runs(found, length)
            place = np.minimum(np.searchsorted(codes[order], runs), len(codes) - 1)
            known = codes[order][place] == runs
            term = first + order[place[known]]
            made += np.bincount(of_row[known] * len(self.terms) + term, minlength=len(made))
        return made.reshape(rows, len(self.terms)).astype(np.float32)

    def _pool(self) -> Iterator[tuple[int, int, Whole]]:
        """Of each length of terms: the length, the place of the first such term, and their codes."""
        lengths = np.asarray(self.lengths)
        for length in sorted(set(self.lengths)):
            places = np.flatnonzero(lengths == length)
            numbers = np.array([self._numbers(self.terms[place]) for place in places], dtype=np.int64)
            yield length, int(places[0]), self._codes(list(numbers.T))

    def _numbers(self, term: str) -> list[int]:
        known = self._known
        return [known[word] for word in term.split(" ")]

    @property
    def _known(self) -> dict[str, int]:
        return dict(zip(self.spelling.keys, self.spelling.numbers, strict=True))

    def _codes(self, places: list[Whole]) -> Whole:
        """One number a run of words, from the numbers of its first, second … word."""
        code = np.zeros_like(places[0])
        for numbers in places:
            code = code * (len(self.spelling.words) + UNKNOWN + 1) + numbers
        return code

    def _runs(self, found: Found, length: int) -> tuple[Whole, Whole]:
        """Codes of all runs of one length, and the rows they are in."""
        total = max(len(found.rows) - length + 1, 0)
        same = found.rows[:total] == found.rows[length - 1 :]
        runs = self._codes([found.numbers[place : place + total] for place in range(length)])
        return runs[same], found.rows[:total][same]

    def _weighed(self, counts: Single) -> Single:
        one = np.float32(1)
        if self.sublinear:
            counts = np.log(np.maximum(counts, one)) + np.minimum(counts, one)
        weighed = counts * np.asarray(self.weights, dtype=np.float32)
        size = np.sqrt(np.square(weighed).sum(axis=1, keepdims=True))
        made: Single = weighed / np.maximum(size, np.float32(_TINY))
        return made

    def emit(self, nodes: Nodes) -> str:
        """Add nodes from the input to float32 (rows, width), and name that value."""
        from mlops_features.text_nodes import each_text

        value = each_text(nodes, self.column, spelling=self.spelling, summary=self._count, width=len(self.terms))
        if self.sublinear:
            one = nodes.constant(1, np.float32)
            value = nodes.add("Add", nodes.add("Log", nodes.add("Max", value, one)), nodes.add("Min", value, one))
        value = nodes.add("Mul", value, nodes.constant([self.weights], np.float32))
        size = nodes.add("ReduceL2", value, nodes.constant([1], np.int64))
        return nodes.add("Div", value, nodes.add("Max", size, nodes.constant(_TINY, np.float32)))

    def _count(self, body: Nodes, numbers: str) -> str:
        """Count the terms of one text; an end is added, for the counting refuses a text of no words."""
        ended = body.add("Concat", numbers, body.constant([NOTHING], np.int64), axis=0)
        longest, starts = max(self.lengths), [0]
        for length in range(1, longest):
            starts.append(starts[-1] + length * self.lengths.count(length))
        return body.add(
            "TfIdfVectorizer",
            ended,
            mode="TF",
            min_gram_length=min(self.lengths),
            max_gram_length=longest,
            max_skip_count=0,
            ngram_counts=starts,
            ngram_indexes=list(range(len(self.terms))),
            pool_int64s=[number for term in self.terms for number in self._numbers(term)],
        )


def fit_terms(values: pl.Series, *, options: Text) -> TermsBlock:
    """Learn terms and their weights from train rows.

    Raises:
        StageError: no term occurs in enough rows.
    """
    words = Words(pattern=options.pattern, lowercase=options.lowercase)
    counted = count_terms(values, words=words, ngrams=options.ngrams)
    kept = counted.filter(pl.col("documents") >= options.min_documents).head(options.max_features)
    if not kept.height:
        raise StageError(
            f"no word of the column {values.name!r} occurs in {options.min_documents:,} train rows",
            where="features.text.min_documents",
            fix="lower it, or see whether features.text.pattern finds words",
        )
    frequent = kept["term"].to_list()
    kept = kept.sort("length", maintain_order=True)
    single = dict.fromkeys(word for term in kept["term"].to_list() for word in term.split(" "))
    weights = np.log((1 + len(values)) / (1 + kept["documents"].to_numpy())) + 1
    return TermsBlock(
        column=values.name,
        reading=reading_of(values, options=options, terms=frequent),
        terms=tuple(kept["term"].to_list()),
        lengths=tuple(kept["length"].to_list()),
        weights=tuple(float(weight) for weight in weights.astype(np.float32)),
        spelling=Spelling(tuple(single)),
        sublinear=options.sublinear,
    )
