"""The websocket side: what messages say, what one connection has subscribed to, and the socket itself."""
