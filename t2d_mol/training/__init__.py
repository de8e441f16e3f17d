"""Training: one loop; pretraining, finetuning, the text encoder and the property network are uses of it."""
