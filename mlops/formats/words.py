"""Text → its words, one space between them: the same way in training and in serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from mlops.errors import StageError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Words", "words_of"]


class Words(BaseModel):
    """How a text is taken apart.

    It is done here and not in the graph: ONNX's ``StringNormalizer`` lowers letters by the locale
    of the machine, so that it gives other letters, or nothing at all, where that is not installed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    pattern: str
    """Regular expression of a word, as the Rust regex engine reads it."""

    lowercase: bool = True


def words_of(texts: pl.Series, words: Words) -> pl.Series:
    """Find the words of texts.

    Args:
        texts: any text; null stays null.
        words: how to find them.

    Returns:
        The words of each text in order, joined by one space; empty when there are none.

    Raises:
        StageError: the pattern is not a regular expression.
    """
    import polars as pl

    lowered = texts.cast(pl.String)
    if words.lowercase:
        lowered = lowered.str.to_lowercase()
    try:
        return lowered.str.extract_all(words.pattern).list.join(" ")
    except pl.exceptions.ComputeError as exc:
        raise StageError(
            f"{words.pattern!r} is not a regular expression: {_reason(exc)}",
            where="features.text.pattern",
            fix=r"write one such as '\w\w+', in single quotes; look-around and back-references are not known",
        ) from exc


def _reason(error: BaseException) -> str:
    lines = [line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")]
    return lines[0] if lines else str(error).splitlines()[0]
