"""Chemistry: bonds, stability, validity and names of molecules. rdkit is imported here and in `io` only, lazily."""
