from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlops.describe import fields
from mlops_lightning.hardware import Hardware


def test_everything_is_left_open_by_default() -> None:
    assert {value for key, value in Hardware().model_dump().items() if key != "nodes"} == {"auto"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("accelerator", "tpu"), ("devices", 0), ("precision", "int8"), ("strategy", "dp"), ("nodes", 2), ("gpu", True)],
)
def test_what_is_no_choice_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        Hardware.model_validate({key: value})


def test_every_key_has_a_sentence() -> None:
    assert [field.name for field in fields(Hardware) if not field.description] == []
