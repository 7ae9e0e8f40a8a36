"""The configuration of a server: the directive table, and what derives from it."""
