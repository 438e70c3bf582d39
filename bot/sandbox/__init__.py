"""A local Telegram: the Bot API over HTTP, and a page on which one person plays every part."""
