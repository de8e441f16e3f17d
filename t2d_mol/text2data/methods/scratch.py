"""From scratch: the labelled share alone, without what pretraining learned."""

from t2d_mol.text2data.methods.plain import Plain


class Scratch(Plain):
    """Plain descent from fresh weights."""

    fresh = True
