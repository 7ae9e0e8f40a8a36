"""The RDB format: values as bytes, in files, in DUMP payloads and on replication links."""
