"""The command line: `omsorgsvagt`. Exit 0 fine, 1 found something, 2 could not run (DESIGN §4)."""

from monitor.cli.main import main

__all__ = ["main"]
