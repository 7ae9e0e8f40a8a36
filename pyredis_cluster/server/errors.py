"""What keeps a server from starting."""


class StartError(Exception):
    """A server cannot start; the log says why."""
