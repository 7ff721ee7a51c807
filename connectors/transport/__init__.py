"""What connections to all venues share: time and waits, HTTP, websockets, addresses of this machine, and words."""
