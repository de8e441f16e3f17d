"""Text2Data's lexicographic optimisation, for any model: minimise one loss while another stays at its level.

Wang et al., Text2Data: Low-Resource Data Generation with Textual Control, AAAI 2025.
"""

from t2d_mol.text2data.constraint import Combined, combine
from t2d_mol.text2data.optimiser import Constraint, run_step

__all__ = ["Combined", "Constraint", "combine", "run_step"]
