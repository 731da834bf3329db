"""Texts as features: the same numbers from NumPy, from the graph and from scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.feature_extraction.text import TfidfVectorizer

from mlops.errors import StageError
from mlops.formats.inputs import tensors
from mlops_features.blocks import FittedBlock, fit_block
from mlops_features.graph import compile_graph
from mlops_features.plan import Plan
from mlops_features.text_options import Text

TEXTS = [
    "Free money, free OFFER! Click here",
    "the meeting is moved to Monday",
    "Monday: the free lunch",
    "the offer of the meeting, the offer",
    "click CLICK click the money",
    "",
    "!?",
    "Die Prüfung war STRAßE ΣΑΣ",
]

ODD = st.one_of(
    st.none(),
    st.text(max_size=60),
    st.lists(st.sampled_from(["free", "THE", "offer", "click", "x", "unseen", "ΣΑΣ", "∅", "\n", "\x00", "é"])).map(
        " ".join
    ),
)


def column(texts: Sequence[str | None]) -> pl.Series:
    return pl.Series("body", texts, dtype=pl.String)


def fitted(texts: Sequence[str | None] = TEXTS, **options: Any) -> FittedBlock:
    block = fit_block(column(texts), options=Text(**({"min_documents": 1} | options)))
    assert block is not None
    return block


class Graph:
    """The compiled block."""

    def __init__(self, block: FittedBlock) -> None:
        self._inputs = (block.input(),)
        graph = compile_graph(Plan(inputs=(), quantities=(), cycles=(), categories=(), blocks=(block,)))
        self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def __call__(self, texts: Sequence[str | None]) -> np.ndarray[Any, Any]:
        feed = tensors(column(texts).to_frame(), self._inputs)
        made: np.ndarray[Any, Any] = self._session.run(None, feed)[0]
        return made


def prepared(block: FittedBlock, texts: Sequence[str | None]) -> np.ndarray[Any, Any]:
    made = block.prepare(column(texts))
    assert made.dtype == pl.Array(pl.Float32, block.block.width)
    return made.to_numpy()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ngrams": (1, 2)},
        {"ngrams": (2, 3)},
        {"ngrams": (1, 3), "sublinear": False},
        {"lowercase": False, "sublinear": False},
        {"min_documents": 2},
    ],
    ids=str,
)
def test_weights_are_those_of_scikit_learn(options: dict[str, Any]) -> None:
    block = fitted(**options)
    theirs = TfidfVectorizer(
        ngram_range=options.get("ngrams", (1, 1)),
        min_df=options.get("min_documents", 1),
        lowercase=options.get("lowercase", True),
        sublinear_tf=options.get("sublinear", True),
    )
    expected = theirs.fit_transform(TEXTS).toarray()
    names = [name.removeprefix("body~") for name in block.names]
    assert sorted(names) == sorted(theirs.vocabulary_)
    order = [theirs.vocabulary_[name] for name in names]
    assert np.allclose(prepared(block, TEXTS), expected[:, order], atol=1e-6)


def test_the_most_frequent_words_are_kept_and_equally_frequent_ones_by_name() -> None:
    assert fitted(max_features=4).names == ("body~the", "body~click", "body~free", "body~offer")


OPTIONS: dict[str, dict[str, Any]] = {
    "words": {},
    "pairs": {"ngrams": (1, 2), "max_features": 20},
    "plain": {"sublinear": False, "lowercase": False},
    "anything": {"pattern": r".+?\b|\s", "ngrams": (1, 2)},
    "tokens": {"encode": "tokens", "max_tokens": 5, "vocabulary": 6},
}
GRAPHS = {name: (block := fitted(**options), Graph(block)) for name, options in OPTIONS.items()}


@pytest.mark.parametrize("name", GRAPHS)
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(ODD, max_size=6))
def test_graph_and_numpy_agree_on_any_text(name: str, texts: list[str | None]) -> None:
    block, graph = GRAPHS[name]
    expected = prepared(block, texts)
    assert graph(texts).shape == (len(texts), block.block.width)
    assert np.allclose(graph(texts), expected, atol=1e-6, rtol=0)


def test_tokens_of_the_graph_are_the_same_numbers() -> None:
    block, graph = GRAPHS["tokens"]
    assert np.array_equal(graph(TEXTS), prepared(block, TEXTS))


def test_one_very_long_text_takes_no_room_beside_the_others() -> None:
    block, graph = GRAPHS["words"]
    texts = ["free offer " * 100_000, *["the money"] * 3_000]
    assert np.allclose(graph(texts), prepared(block, texts), atol=1e-6)


def test_tokens_are_numbered_by_frequency_cut_and_filled_up() -> None:
    block = fitted(encode="tokens", max_tokens=4, vocabulary=4)
    assert block.block.vocabulary == 4
    texts = ["click unseen the", "the the the the the the", "", None]
    assert prepared(block, texts).tolist() == [[3, 1, 2, 0], [2, 2, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert block.names == ("body[0]", "body[1]", "body[2]", "body[3]")


def test_a_text_without_known_words_weighs_nothing() -> None:
    assert not prepared(fitted(), ["unseen words", "", None]).any()


def test_slices_of_rows_give_what_all_rows_give(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(ngrams=(1, 2))
    expected = prepared(whole, TEXTS)
    monkeypatch.setattr("mlops_features.blocks._ROWS", 3)
    sliced = fitted(ngrams=(1, 2))
    assert sliced == whole
    assert np.array_equal(prepared(sliced, TEXTS), expected)


def test_the_example_is_made_of_frequent_words() -> None:
    assert fitted().example == "the click free offer meeting"


def test_a_column_without_a_text_is_left_out() -> None:
    assert fit_block(column([None, None]), options=Text()) is None


@pytest.mark.parametrize("encode", ["tfidf", "tokens"])
def test_words_that_are_all_too_rare_are_an_error(encode: str) -> None:
    with pytest.raises(StageError, match="no word of the column 'body' occurs in 9 train rows"):
        fitted(encode=encode, min_documents=9)


def test_runs_of_words_go_from_short_to_long() -> None:
    with pytest.raises(ValidationError, match="shortest run of words is longer than the longest"):
        Text(ngrams=(2, 1))
