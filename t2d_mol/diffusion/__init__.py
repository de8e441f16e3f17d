"""Diffusion of molecules: noise levels, corruption and loss, samplers, guidance. Knows denoisers as a Protocol only."""
