"""The dense equivariant functions agree with the e3nn modules they stand for."""

import pytest
import torch
from e3nn import o3

from t2d_mol.nn.irreps import VectorLinear, components, directions, feature_irreps, norms, pair_products, to_e3nn


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("lmax", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_directions_are_spherical_harmonics(lmax: int, dtype: torch.dtype) -> None:
    vectors = torch.randn(50, 3, dtype=dtype)
    expected = o3.spherical_harmonics(list(range(1, lmax + 1)), vectors, normalize=True, normalization="component")
    torch.testing.assert_close(directions(vectors, lmax, epsilon=0), expected)
    assert not directions(torch.zeros(1, 3), lmax).any()


@pytest.mark.parametrize("lmax", [1, 2])
def test_vector_linear_is_o3_linear(lmax: int) -> None:
    ours = VectorLinear(6, 4, lmax)
    theirs = o3.Linear(feature_irreps(6, lmax), feature_irreps(4, lmax))
    with torch.no_grad():
        theirs.weight.copy_(torch.cat([weight.flatten() * 6**0.5 for weight in ours.weight]))
    features = torch.randn(5, components(lmax), 6)
    torch.testing.assert_close(to_e3nn(ours(features), lmax), theirs(to_e3nn(features, lmax)))


@pytest.mark.parametrize("lmax", [1, 2])
def test_products_and_norms_are_invariant_and_agree_with_e3nn(lmax: int) -> None:
    irreps = feature_irreps(4, lmax)
    features = torch.randn(2, 5, components(lmax), 4)
    pairs = pair_products(features, lmax)
    flat = to_e3nn(features, lmax)
    norm = o3.Norm(irreps, squared=True)(flat)
    diagonal = torch.diagonal(pairs, dim1=1, dim2=2).transpose(1, 2)
    torch.testing.assert_close(diagonal, norm)
    counts = torch.tensor([2 * l + 1 for l in range(1, lmax + 1) for _ in range(4)])
    torch.testing.assert_close(norms(features, lmax), (norm / counts + 1e-4).sqrt())


def test_only_two_angular_momenta_exist() -> None:
    with pytest.raises(ValueError, match="lmax"):
        feature_irreps(4, 3)
