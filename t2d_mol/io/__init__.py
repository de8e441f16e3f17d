"""Reading and writing molecules: one file per format, one registry, '-' for standard input and output."""
