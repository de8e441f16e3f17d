"""The EDM/Cormorant split of QM9 and the two halves of its train split."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

TRAIN_FRACTION = 100_000 / 130_831
VALIDATION_FRACTION = 17_748 / 130_831


class Split(IntEnum):
    """Which part of the data set a molecule belongs to."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


class Half(IntEnum):
    """Which half of the train split: A is for evaluators, B holds the labels of generators."""

    NONE = 0
    A = 1
    B = 2


def assign_splits(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Assign split and half to `count` characterised records in order of id.

    For the complete 130,831 records this is the split every published row uses: 100,000 / 17,748 / 13,083, and halves of
    50,000. Smaller collections are divided in the same proportions.

    Returns:
        Split and half of each record, both (count,).
    """
    train, validation = round(count * TRAIN_FRACTION), round(count * VALIDATION_FRACTION)
    order = np.random.RandomState(0).permutation(count)
    split = np.full(count, Split.TEST, np.uint8)
    split[order[:train]] = Split.TRAIN
    split[order[train : train + validation]] = Split.VALIDATION
    train_ids = np.flatnonzero(split == Split.TRAIN)
    shuffled = np.random.RandomState(42).permutation(len(train_ids))
    half = np.full(count, Half.NONE, np.uint8)
    half[train_ids[shuffled[: len(train_ids) // 2]]] = Half.A
    half[train_ids[shuffled[len(train_ids) // 2 :]]] = Half.B
    return split, half
