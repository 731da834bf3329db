"""What a recipe may say about columns of text."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

__all__ = ["Text"]

Count = Annotated[int, Field(ge=1)]
Length = Annotated[int, Field(ge=1, le=3)]


class Text(BaseModel):
    """How texts become features: weights of words, or word numbers in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...] = ()
    """Columns that hold text; other columns of strings are categories."""

    encode: Literal["tfidf", "tokens"] = "tfidf"
    """tfidf: one weight a word, for any model. tokens: the numbers of the words in order, for neural models of text."""

    lowercase: bool = True
    """Take capitals for small letters."""

    pattern: str = r"\w\w+"
    """Regular expression of a word; what lies between two matches is dropped."""

    max_features: Count = 1000
    """tfidf: most words (and runs of words) that get a weight; the most frequent are kept."""

    min_documents: Count = 3
    """Words that occur in fewer training rows are unknown."""

    ngrams: tuple[Length, Length] = (1, 1)
    """tfidf: shortest and longest run of words that counts as a term; [1, 2] adds pairs of neighbours."""

    sublinear: bool = True
    """tfidf: count a word that occurs n times 1 + ln n times."""

    max_tokens: Count = 256
    """tokens: words of a text that are used, from its start."""

    vocabulary: Annotated[int, Field(ge=3)] = 8000
    """tokens: most different word numbers; 0 is nothing, 1 an unknown word."""

    @model_validator(mode="after")
    def _check_ngrams(self) -> Self:
        if self.ngrams[0] > self.ngrams[1]:
            raise PydanticCustomError(
                "ngrams", "the shortest run of words is longer than the longest", {"fix": "write ngrams: [1, 2]"}
            )
        return self
