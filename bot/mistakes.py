"""What keeps the bot from working that its operator can mend; each says so in its text, with the cure."""

from bot.control import NotRunning
from bot.settings import SettingsMistake
from bot.web import PortInUse
from conversations import ProgrammeMistakes
from storage.errors import StorageError

UNPROVED = (
    3  # the exit status: nothing is wrong, and yet something is missing that a restore may have taken away
)


class CannotStart(Exception):
    """What keeps the bot from starting, in one line with its cure."""


class Refused(Exception):
    """What a command of the operator cannot do as it was told, in one line with the cure."""


MISTAKES = (CannotStart, Refused, SettingsMistake, NotRunning, PortInUse, ProgrammeMistakes, StorageError)
