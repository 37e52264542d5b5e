"""The four rooms. Each knows only `shared`."""
