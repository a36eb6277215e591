"""Find mistakes before anything runs. `rules` lists the rules."""
