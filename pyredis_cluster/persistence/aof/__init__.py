"""The append-only file as bytes: its manifest, its commands, and commands that make a dataset."""
