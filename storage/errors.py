"""What storage cannot do, by who is to act.

StorageError
├── StorageUnavailable   disk full, locked, read-only: nothing was written; it works again when the cause is gone
├── ParkedGone           a parked update was handled, dropped or erased meanwhile
├── ReceiptTaken         a receipt was drawn twice: another one is to be drawn
├── DataInUse            another process owns the data
├── BackupUnusable       a backup, or the folder for backups, cannot be used: the operator acts
│   └── BackupUnread         a file of one cannot be read now; it may be whole
├── DataUnusable         the folder or database cannot be used as it is: the operator acts
│   ├── MigrationMismatch    the database and this code do not fit
│   └── MigrationFailed      what is in the database does not go with a change of its schema
└── KeyTrouble           the operator's key
    ├── BadKey               it is no key
    ├── KeyFileExposed       others may read its file
    ├── KeyDoesNotFit        it is not the key this data was sealed with
    └── Unreadable           sealed bytes were changed, moved, or sealed under another key
"""


class StorageError(Exception):
    """Anything that storage raises on purpose; the text is one clear line."""


class StorageUnavailable(StorageError):
    """The database cannot be read or written now; nothing of the work was kept."""


class ParkedGone(StorageError):
    """It is parked no longer."""


class ReceiptTaken(StorageError):
    """Another person's application has this receipt."""


class DataInUse(StorageError):
    """Another process owns this data folder."""


class DataUnusable(StorageError):
    """The data folder or database cannot be used as it is."""


class MigrationMismatch(DataUnusable):
    """The database's migrations and the code's are not the same."""


class MigrationFailed(DataUnusable):
    """A migration was undone, since rows that are there do not go with it."""


class BackupUnusable(StorageError):
    """A backup's file or folder cannot be read, written or believed."""


class BackupUnread(BackupUnusable):
    """A backup's file cannot be read now, which says nothing of what is in it."""


class KeyTrouble(StorageError):
    """Something is wrong with the operator's key."""


class BadKey(KeyTrouble):
    """It is not 32 bytes in base64url."""


class KeyFileExposed(KeyTrouble):
    """Others than its owner may read the key file."""


class KeyDoesNotFit(KeyTrouble):
    """This is not the key the data was sealed with."""


class Unreadable(KeyTrouble):
    """Sealed bytes cannot be opened: changed, moved to another place, or sealed under another key."""
