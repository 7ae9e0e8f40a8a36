"""What of replication is pure: histories of changes, and the state machines of both sides."""
