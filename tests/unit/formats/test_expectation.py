"""An expectation as a value: it survives the way through JSON and refuses what it does not know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops.formats.expectation import Expectation

VALUES = st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
EXPECTATIONS = st.builds(
    Expectation,
    nullable=st.booleans(),
    allowed=st.none() | st.lists(VALUES, min_size=1).map(tuple),
    min=st.none() | st.integers(-9, 9),
    otherwise=st.sampled_from(["error", "impute", "clip"]),
)


@given(EXPECTATIONS)
def test_it_survives_json(expected: Expectation) -> None:
    again = Expectation.model_validate_json(expected.model_dump_json())
    assert again == expected
    assert [type(value) for value in again.allowed or ()] == [type(value) for value in expected.allowed or ()]


def test_an_unknown_consequence_is_refused() -> None:
    with pytest.raises(ValidationError, match="otherwise"):
        Expectation.model_validate({"otherwise": "guess"})
