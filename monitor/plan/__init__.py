"""From what an operator writes to a frozen Plan: every fault at once, each with file, line and how to mend it."""
