"""Where stages run: the interface, and this machine."""
