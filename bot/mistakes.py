"""What keeps the bot from working that its operator can mend; each says so in its text, with the cure."""

from bot.control import NotRunning
from bot.settings import SettingsMistake
from bot.web import PortInUse
from conversations import ProgrammeMistakes
from storage.errors import StorageError


class CannotStart(Exception):
    """What keeps the bot from starting, in one line with its cure."""


class Unusable(Exception):
    """What a command was given that it cannot use, in one line with its cure."""


MISTAKES = (CannotStart, Unusable, SettingsMistake, NotRunning, PortInUse, ProgrammeMistakes, StorageError)
