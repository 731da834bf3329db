"""Images are cut out of rows of features, and moved about in training only."""

from __future__ import annotations

import numpy as np
import torch

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.networks.image_input import Augment, ImageInput

IMAGE = Block(name="i", kind="image", shape=(2, 3, 4))
FACTS = PreparedFacts(
    task="regression", target="y", features=("a", *(f"i{place}" for place in range(24))), blocks=(IMAGE,)
)


def pictures(rows: int = 64) -> torch.Tensor:
    return torch.arange(rows * 24, dtype=torch.float32).reshape(rows, 2, 3, 4) + 1


def test_the_image_is_what_follows_the_single_features() -> None:
    images = pictures(5)
    rows = torch.cat([torch.full((5, 1), -1.0), images.flatten(1)], dim=1)
    assert torch.equal(ImageInput(FACTS, IMAGE)(rows), images)


def test_nothing_moves_in_evaluation() -> None:
    images = pictures()
    assert Augment(shift=2, flip=True).eval()(images) is images


def test_every_other_image_is_mirrored() -> None:
    images = pictures()
    made = Augment(shift=0, flip=True).train()(images)
    same = (made == images).all(dim=(1, 2, 3))
    mirrored = (made == images.flip(-1)).all(dim=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 10 < int(mirrored.sum()) < 54


def test_images_move_by_at_most_the_shift_and_what_comes_in_is_0() -> None:
    images = pictures()
    made = Augment(shift=1, flip=False).train()(images)
    padded = torch.nn.functional.pad(images, [1] * 4)
    frames = [padded[:, :, up : up + 3, left : left + 4] for up in range(3) for left in range(3)]
    which = torch.stack([(made == frame).all(dim=(1, 2, 3)) for frame in frames])
    assert (which.sum(dim=0) == 1).all()
    assert which.any(dim=1).all()


def test_the_seed_decides_how_images_move() -> None:
    made = []
    for _ in range(2):
        torch.manual_seed(5)
        made.append(Augment(shift=1, flip=True).train()(pictures()).numpy())
    assert np.array_equal(*made)
