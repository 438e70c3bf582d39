"""The bot: Telegram, web, time, command line."""
