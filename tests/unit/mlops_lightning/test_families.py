from __future__ import annotations

import pytest

from mlops.errors import StageError
from mlops_lightning.families import family_of, known_family, name_of
from mlops_lightning.mlp import MLP


def test_a_family_is_found_by_its_name() -> None:
    assert name_of(MLP) == "mlops_lightning.mlp.MLP"
    assert family_of(name_of(MLP)) is MLP
    assert known_family(name_of(MLP)) is MLP


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "mlops_lightning.mlp.Annotated",
        "mlops_lightning.fitted.NeuralEstimator",
        "mlops_lightning.nowhere.MLP",
        "mlops_lightning.mlp.__init__",
        "MLP",
        "",
    ],
)
def test_a_saved_model_names_no_other_class(name: str) -> None:
    with pytest.raises(StageError, match="is not one of mlops_lightning"):
        known_family(name)


def test_what_is_no_family_is_refused() -> None:
    with pytest.raises(StageError, match=r"json\.JSONDecoder is no NeuralEstimator"):
        family_of("json.JSONDecoder")
