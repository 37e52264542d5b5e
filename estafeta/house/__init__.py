"""The whole house on one machine: servers, rooms, what they need, who watches them."""
