"""Evaluation: molecules are scored one by one, and the scores summarised."""
