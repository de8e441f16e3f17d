"""`python -m t2d_mol` is the same command as `t2d-mol`."""

from t2d_mol.cli import main

if __name__ == "__main__":
    main()
