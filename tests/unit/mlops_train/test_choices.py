"""Each shipped choice of features, model, train, bundle and parity opens with a comment and is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.plugins import Plugins
from mlops.stage import Part

CONF = Path(__file__).parents[3] / "conf"
CHOICES = sorted(path for group in ("features", "model", "bundle", "parity") for path in (CONF / group).glob("*.yaml"))


def keys(path: Path) -> dict[str, Any]:
    """A choice's keys, those of the choices it builds on first."""
    section = yaml.safe_load(path.read_text(encoding="utf-8"))
    for base in section.pop("defaults", []):
        section = {**keys(path.with_name(f"{base}.yaml")), **section}
    return dict(section)


def load(path: Path) -> Part:
    section = keys(path)
    return Plugins(Path("nowhere")).resolve(section.pop("_target_"), Part).model_validate(section)


@pytest.mark.parametrize("path", CHOICES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_a_choice_is_a_valid_section(path: Path) -> None:
    assert isinstance(load(path), Part)


@pytest.mark.parametrize("path", [*CHOICES, CONF / "train" / "default.yaml"], ids=lambda path: path.parent.name)
def test_a_choice_opens_with_what_it_is_and_a_command(path: Path) -> None:
    first, second, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert second.startswith("#   mlops run recipe=")


@pytest.mark.parametrize("name", ["linear", "lightgbm"])
def test_a_model_choice_shows_the_defaults(name: str) -> None:
    chosen = load(CONF / "model" / f"{name}.yaml")
    assert chosen == type(chosen)()


def test_train_takes_the_recipes_model() -> None:
    section = yaml.safe_load((CONF / "train" / "default.yaml").read_text(encoding="utf-8"))
    assert section == {"_target_": "mlops_train.train.Train", "model": "${model}"}
