"""The data: databases, values, expiry, eviction. Nothing here sees a client or a request."""
