"""The shell: the only package, with the command line, that does I/O."""
