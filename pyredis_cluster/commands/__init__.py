"""The commands: one module per group of the Redis documentation, and the registry of them all."""
