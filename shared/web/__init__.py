"""A door to the world outside, as any room may have one: server, pace, and what stands around every answer."""
