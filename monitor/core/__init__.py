"""Pure decisions. Nothing in here reads a clock, a file or a socket; `now` is an argument."""
