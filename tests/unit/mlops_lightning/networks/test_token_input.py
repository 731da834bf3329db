"""Words are cut out of rows of features."""

from __future__ import annotations

import torch

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.networks.text_bag import TextBag
from mlops_lightning.networks.token_input import TokenInput

TEXT = Block(name="t", kind="tokens", shape=(5,), vocabulary=9)
FACTS = PreparedFacts(
    task="regression", target="y", features=("a", *(f"t{place}" for place in range(5))), blocks=(TEXT,)
)


def words(*texts: list[float], dropout: float = 0.0, train: bool = False) -> list[list[int]]:
    rows = torch.tensor([[7.0, *text, *[0.0] * (5 - len(text))] for text in texts])
    found: list[list[int]] = TokenInput(FACTS, TEXT, dropout=dropout).train(train)(rows).tolist()
    return found


def test_columns_behind_the_longest_text_are_cut() -> None:
    assert words([3, 4], [5, 6, 8]) == [[3, 4, 0], [5, 6, 8]]


def test_one_column_stays_when_all_texts_are_empty() -> None:
    assert words([], []) == [[0], [0]]


def test_numbers_outside_the_vocabulary_are_unknown_words() -> None:
    assert words([9, 99, -1, float("nan"), float("inf")]) == [[1, 1, 1, 1, 1]]


def test_words_become_unknown_in_training_only() -> None:
    texts = [[3.0, 4.0, 5.0]] * 200
    lost = [word for text in words(*texts, dropout=0.5, train=True) for word in text]
    assert set(lost) == {1, 3, 4, 5}
    assert 0.4 < lost.count(1) / len(lost) < 0.6
    assert words(*texts, dropout=0.5) == [[3, 4, 5]] * 200


def test_what_stands_behind_a_text_is_never_made_unknown() -> None:
    lost = words(*[[3.0], [3.0, 4.0, 5.0]] * 50, dropout=0.9, train=True)
    assert {(text[1], text[2]) for text in lost[::2]} == {(0, 0)}


def test_the_order_of_words_counts_with_pairs_alone() -> None:
    rows = torch.tensor([[7.0, 3, 4, 5, 0, 0], [7.0, 5, 4, 3, 0, 0]])
    bag, pairs = (TextBag(TokenInput(FACTS, TEXT, dropout=0.0), 9, 4, buckets=buckets) for buckets in (0, 50))
    assert torch.allclose(*bag.eval()(rows))
    assert not torch.allclose(*pairs.eval()(rows))


def test_a_text_without_words_is_0() -> None:
    bag = TextBag(TokenInput(FACTS, TEXT, dropout=0.0), 9, 4, buckets=50)
    assert bag.eval()(torch.tensor([[7.0, 0, 0, 0, 0, 0]])).tolist() == [[0.0] * 4]
