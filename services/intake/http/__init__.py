"""The HTTP door: programs, web forms and webhooks bring leads; each is stored before anybody is told that it is accepted."""
