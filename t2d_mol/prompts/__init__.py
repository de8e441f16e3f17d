"""Prompts: text to targets by a grammar, targets to text by templates."""

from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.prompts.templates import exact_prompt, general_prompt

__all__ = ["exact_prompt", "general_prompt", "parse_prompt"]
