"""Words of texts."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import StageError
from mlops.formats.features import Input
from mlops.formats.inputs import NULL_CATEGORY, tensor
from mlops.formats.words import Words, words_of

WORDS = Words(pattern=r"\w\w+")


def found(text: str | None, words: Words = WORDS) -> str | None:
    value: str | None = words_of(pl.Series("body", [text], dtype=pl.String), words)[0]
    return value


def test_words_are_joined_by_one_space() -> None:
    assert found("It's  a\nfree,\r\noffer!") == "it free offer"


def test_letters_of_every_script_are_lowered_whatever_the_locale() -> None:
    assert found("STRAßE ÉTÉ ΣΑΣ Жар") == "straße été σας жар"


def test_capitals_stay_where_asked() -> None:
    assert found("FREE offer", Words(pattern=r"\w+", lowercase=False)) == "FREE offer"


def test_a_text_without_words_is_empty_and_a_missing_one_stays_missing() -> None:
    assert found("! ?") == ""
    assert found(None) is None


def test_a_broken_pattern_is_named() -> None:
    with pytest.raises(StageError, match=r"'\(' is not a regular expression: unclosed group"):
        found("x", Words(pattern="("))


def test_the_tensor_of_a_text_holds_its_words() -> None:
    item = Input(name="body", kind="text", dtype="String", words=WORDS)
    values = tensor(item, pl.Series("body", ["One, TWO", None]))
    assert values.tolist() == [["one two"], [NULL_CATEGORY]]


@given(st.text())
def test_finding_words_twice_changes_nothing(text: str) -> None:
    once = found(text)
    assert found(once) == once
