"""A stack as a compose.yaml."""
