"""What intake decides: how each of the six keys is made regular, and when two records are one client."""
