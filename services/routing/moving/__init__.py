"""Work moves from one to another: a client, a person's clients, an office's base; and back again (R2-23, R1-42)."""
