"""A sample company, its client base and an exhibition list, and the generator that writes bases and lists of any size."""
