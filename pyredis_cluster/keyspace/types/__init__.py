"""Containers for values: they hold data and know Redis's encodings, but never see a client or argv."""
