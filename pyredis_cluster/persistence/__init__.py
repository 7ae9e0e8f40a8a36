"""What is written to files and read from them: RDB, AOF, snapshots. Bytes only; files are the shell's."""
