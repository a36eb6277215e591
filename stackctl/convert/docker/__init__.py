"""Read `docker` command lines: which options they have, and what the options become in a stack.toml."""
