"""Private servers and the client programs that drive them."""
