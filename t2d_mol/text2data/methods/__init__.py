"""Ways to finetune a pretrained model on few labels: the constraint, and what it is held against. One file each.

All take the conditional and the unconditional loss of a step and leave gradients in the parameters.
"""

from t2d_mol.text2data.methods.ewc import EWC
from t2d_mol.text2data.methods.l2sp import L2SP
from t2d_mol.text2data.methods.lexicographic import Lexicographic
from t2d_mol.text2data.methods.low_rate import LowRate
from t2d_mol.text2data.methods.plain import Loss, Plain
from t2d_mol.text2data.methods.replay import Replay
from t2d_mol.text2data.methods.scratch import Scratch

__all__ = ["EWC", "L2SP", "Lexicographic", "Loss", "LowRate", "Plain", "Replay", "Scratch"]
