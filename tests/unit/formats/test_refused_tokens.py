from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import StageError
from mlops.formats.model import Estimator
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared_texts
from mlops_lightgbm.booster import LightGBM
from mlops_sklearn.estimator import Sklearn
from mlops_sklearn.linear import Linear
from mlops_xgboost.booster import XGBoost


@pytest.mark.parametrize("family", [LightGBM(), XGBoost(), Linear(), Sklearn(estimator="RandomForest")])
def test_a_family_that_knows_no_words_refuses_their_numbers(family: Estimator, tmp_path: Path) -> None:
    prepared = make_prepared_texts(tmp_path / "prepared", "binary")
    with pytest.raises(StageError, match="does not read texts word by word"):
        family.fit(prepared, context=make_context(tmp_path / "work"))
