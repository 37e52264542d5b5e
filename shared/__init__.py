"""What every room stands on: the language, the bus, the unit of work, the relay."""
