"""A low learning rate: the simplest way to stay near the pretrained weights."""

from t2d_mol.text2data.methods.plain import Plain


class LowRate(Plain):
    """Plain descent with a tenth of the learning rate."""

    rate = 0.1
