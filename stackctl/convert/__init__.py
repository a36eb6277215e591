"""Read what is not a stack.toml, and write a stack.toml from it."""
