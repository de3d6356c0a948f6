"""Benchmarks: each figure of DESIGN §6 that is built, as a ratio beside its limit or a peer measured in the same run.

Nothing here asserts a time; a table is printed and a person reads it.
"""
