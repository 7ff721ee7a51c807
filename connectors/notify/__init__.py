"""Messages to people: Discord, Telegram and whatever else Apprise reaches, without ever holding up the engine."""
