"""Omsorgsvagt: watches a municipality's care systems and tells the right person when one fails."""

__version__ = "0.2.0.dev0"
