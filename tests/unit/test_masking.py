from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.masking import SHORTEST, Mask, reveal

secrets = st.text(min_size=SHORTEST, max_size=20).filter(lambda text: len(text.strip()) >= SHORTEST)
PUBLIC = "${oc.env:KEY}"


@given(secrets, st.text(max_size=10), st.text(max_size=10))
def test_value_never_stays_in_a_text(secret: str, before: str, after: str) -> None:
    masked = Mask({"KEY": secret})(before + secret + after)
    assert PUBLIC in masked
    assert secret not in masked.replace(PUBLIC, "")


@given(secrets)
def test_escaped_value_is_masked_too(secret: str) -> None:
    mask = Mask({"KEY": secret})
    spellings = (repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    for spelling in (*spellings, quote(secret, safe="")):
        assert mask(f"<{spelling}>") == f"<{PUBLIC}>"


def test_longer_value_is_masked_before_one_inside_it() -> None:
    assert Mask({"A": "hunter", "B": "hunter22"})("hunter22 hunter") == "${oc.env:B} ${oc.env:A}"


def test_short_values_are_no_secrets() -> None:
    assert Mask({"A": "1", "B": "", "C": "abc"})("1 abc") == "1 abc"


def test_nested_data_is_masked_keys_included() -> None:
    given = {"hunter22": ["x hunter22", {"n": 3, "t": ("hunter22",)}]}
    assert Mask({"KEY": "hunter22"}).deep(given) == {PUBLIC: [f"x {PUBLIC}", {"n": 3, "t": [PUBLIC]}]}


@given(secrets.filter(lambda text: "${" not in text))
def test_reveal_undoes_the_reference(secret: str) -> None:
    given = {"a": [f"user:{PUBLIC}@host", 3], "b": {"c": PUBLIC}}
    assert reveal(given, {"KEY": secret}) == {"a": [f"user:{secret}@host", 3], "b": {"c": secret}}


@pytest.mark.parametrize("text", ["${oc.env:OTHER}", "${key}", "plain"])
def test_reveal_leaves_the_rest_alone(text: str) -> None:
    assert reveal({"a": text}, {"KEY": "hunter22"}) == {"a": text}
