"""The door at which calendars are read."""
