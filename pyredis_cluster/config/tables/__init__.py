"""The directive table, a module per group of redis.conf. Adding a directive is adding one line there."""
