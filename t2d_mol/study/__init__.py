"""The study: shares of labels × ways to finetune × seeds, each cell trained and judged alike."""
