"""The command line: one thin file per command."""

from t2d_mol.cli.app import app, main

__all__ = ["app", "main"]
