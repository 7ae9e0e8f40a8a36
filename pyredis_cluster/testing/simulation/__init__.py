"""Whole servers in virtual time, on a network and on disks that exist in memory only, all from one seed."""
