"""How well does the match do? Figures on invented lists with truth, and the weights that it uses."""
