"""API keys."""

from __future__ import annotations

import pytest

from mlops_serve.keys import fits, given_key, kept

KEY = "a-key-that-nobody-guesses"


def test_a_key_fits_what_was_kept_of_it() -> None:
    assert fits(KEY.encode(), kept(KEY))
    assert not fits(b"another", kept(KEY))


def test_what_is_kept_does_not_hold_the_key() -> None:
    assert KEY not in kept(KEY)
    assert kept(KEY) != kept(KEY)


def test_no_key_is_kept_as_nothing() -> None:
    assert kept("") == ""


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"x-api-key", b"k")], b"k"),
        ([(b"authorization", b"Bearer k")], b"k"),
        ([(b"authorization", b"bearer k ")], b"k"),
        ([(b"authorization", b"Basic k")], b""),
        ([], b""),
    ],
)
def test_the_key_is_found_in_either_header(headers: list[tuple[bytes, bytes]], expected: bytes) -> None:
    assert given_key(headers) == expected
