"""The judge's network: the property network's trunk, and a readout that knows what a dipole and an orbital are."""

from typing import Final

import torch
from torch import Tensor, nn

from t2d_mol.config import PropertyConfig
from t2d_mol.nn.blocks import FAR
from t2d_mol.nn.irreps import VectorLinear, precise
from t2d_mol.nn.property_network import PropertyNetwork
from t2d_mol.properties import KEYS, PROPERTIES

_MU: Final = KEYS.index("mu")


class JudgeNetwork(PropertyNetwork):
    """Predict the K normalised properties of molecules. Invariant to E(3) and to permutations.

    Orbital energies are means over the atoms with learned weights. The dipole moment is the length of
    Σ qᵢ (rᵢ - r̄) + Σ dᵢ with learned invariant charges qᵢ and equivariant atomic dipoles dᵢ, as in Schütt et al.,
    Equivariant Message Passing for the Prediction of Tensorial Properties and Molecular Spectra (ICML 2021), section 4.
    """

    def __init__(self, config: PropertyConfig) -> None:
        super().__init__(config)
        self.dipoles = VectorLinear(config.vectors, 1, config.lmax)
        self.dipole_line = nn.Parameter(torch.tensor([0.8, -1.8]))

    @property
    def outputs(self) -> int:
        """Numbers read from each atom: for each property a term and a value with its weight, and a charge."""
        return 3 * len(PROPERTIES) + 1

    def read(self, scalars: Tensor, vectors: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Map features to properties (B, K)."""
        atoms = self.read_atoms(scalars, vectors)
        terms, values, weights, charges = torch.split(atoms, [len(PROPERTIES)] * 3 + [1], -1)
        real = mask[..., None]
        weights = torch.softmax(weights + torch.where(real, 0.0, FAR), 1)
        properties = (terms * real).sum(1) / 10 + (values * weights).sum(1)
        centre = (positions * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)
        own = precise(self.dipoles(vectors))[:, :, :3, 0]
        moment = ((charges * (positions - centre) + own) * real).sum(1)
        slope, offset = self.dipole_line
        dipole = slope * (moment.square().sum(-1, keepdim=True) + 1e-4).sqrt() + offset
        return torch.cat([properties[:, :_MU], dipole, properties[:, _MU + 1 :]], -1)
