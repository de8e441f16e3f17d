"""Text to 3D molecules: an equivariant diffusion model on QM9 that reads prompts about molecular properties."""

__version__ = "0.1.0"
