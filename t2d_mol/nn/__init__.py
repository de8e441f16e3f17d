"""Networks: equivariant layers on e3nn irreps, the denoiser, the text encoder, the property network."""
