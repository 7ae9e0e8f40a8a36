"""Executing requests: command declarations, one client's session, the gate of refusals, MULTI, blocking."""
