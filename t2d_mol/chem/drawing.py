"""Drawings of molecules in the plane: one as SVG, many as PNG."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from t2d_mol.chem.graph import to_rdkit
from t2d_mol.chem.perception import with_perceived_bonds
from t2d_mol.errors import InputError
from t2d_mol.molecule import Molecule

if TYPE_CHECKING:
    from rdkit.Chem import Mol

WIDTH: Final = 240
HEIGHT: Final = 160
"""Size of a drawing in pixels."""

_BOND_LENGTH: Final = 28.0
"""Bonds are at most this long, so that small molecules are not drawn larger than others."""

_COLOURS: Final = {7: (0.24, 0.50, 0.90), 8: (0.86, 0.24, 0.22), 9: (0.13, 0.60, 0.35)}
"""By atomic number; they can be read on white and on black. Other atoms have the colour of the text around the drawing."""


def draw(shape: Molecule | str) -> str:
    """Return the SVG of a molecule or SMILES, drawn as it is, good or not; hydrogens at heavy atoms are folded into labels.

    The background is transparent, and carbon and bonds have the colour `currentColor`.

    Raises:
        InputError: if it has no bonds and none fit its geometry, or it is not a SMILES.
    """
    from rdkit import rdBase
    from rdkit.Chem.Draw import rdMolDraw2D

    with rdBase.BlockLogs():
        mol, sound = _flat(shape)
        canvas = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT)
        options: Any = canvas.drawOptions()
        options.useBWAtomPalette()
        options.updateAtomPalette(_COLOURS)
        options.clearBackground = False
        options.fixedBondLength = _BOND_LENGTH
        options.padding = 0.06
        options.prepareMolsBeforeDrawing = sound
        canvas.DrawMolecule(mol)
        canvas.FinishDrawing()
    svg: str = canvas.GetDrawingText()
    return svg.replace("#000000", "currentColor")


def grid(shapes: Sequence[Molecule | str], legends: Sequence[str], columns: int) -> bytes:
    """Return the PNG of molecules or SMILES in rows on white, each with its legend below; see `draw`.

    Raises:
        InputError: if one has no bonds and none fit its geometry, or is not a SMILES.
    """
    from rdkit import rdBase
    from rdkit.Chem.Draw import rdMolDraw2D

    columns = min(columns, len(shapes))
    rows = -(-len(shapes) // columns)
    width, height = 2 * WIDTH, 2 * HEIGHT
    with rdBase.BlockLogs():
        flat = [_flat(shape) for shape in shapes]
        canvas = rdMolDraw2D.MolDraw2DCairo(columns * width, rows * height, width, height)
        options: Any = canvas.drawOptions()
        options.useBWAtomPalette()
        options.updateAtomPalette(_COLOURS)
        options.fixedBondLength = 2 * _BOND_LENGTH
        options.legendFontSize = 24
        options.bondLineWidth = 3
        options.prepareMolsBeforeDrawing = False
        ready = [rdMolDraw2D.PrepareMolForDrawing(mol) if sound else mol for mol, sound in flat]
        canvas.DrawMolecules(ready, legends=list(legends))
        canvas.FinishDrawing()
    picture: bytes = canvas.GetDrawingText()
    return picture


def _flat(shape: Molecule | str) -> tuple["Mol", bool]:
    """Return an RDKit molecule with positions in the plane, and whether it could be sanitised."""
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    if isinstance(shape, str):
        mol = Chem.MolFromSmiles(shape, sanitize=False)
        if mol is None or not mol.GetNumAtoms():
            raise InputError(f"not a SMILES RDKit can read: {shape[:80]!r}")
    else:
        mol = to_rdkit(with_perceived_bonds(shape))
    sound = Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE
    mol.UpdatePropertyCache(strict=False)
    mol = Chem.RemoveHs(mol, sanitize=False)
    Chem.GetSymmSSSR(mol)
    rdDepictor.Compute2DCoords(mol)
    return mol, sound
