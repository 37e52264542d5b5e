"""What routing decides: who gets a lead, by which rule, and who was passed over and why."""
