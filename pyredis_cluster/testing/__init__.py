"""Tools for tests: simulated worlds, and (for users) servers and clusters inside a test's own process."""
