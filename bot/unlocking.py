"""The operator's key that opens a set of keys, or both of them, where one was giving way to the other at the backup."""

from bot.keys import operator_key
from bot.mistakes import CannotStart
from bot.settings import Settings
from storage.backup_files import Header, KeyRow
from storage.errors import Unreadable
from storage.vault import OperatorKey, Vault, fingerprint


def vault_for(settings: Settings, header: Header, rows: list[KeyRow]) -> Vault:
    """Opens what the set of keys holds. While the key was being changed at the backup, both keys do.

    Raises CannotStart, and what `operator_key` does.
    """
    where = "INTAKE_KEY" if settings.key is not None else str(settings.key_path)
    if settings.key is None and not settings.key_path.exists():
        raise CannotStart(
            f"the operator's key is missing: put it back as {where}; its fingerprint is {header.key}"
        )
    keys = [operator_key(settings)]
    if settings.next_key_path.exists():
        keys.append(OperatorKey.from_file(settings.next_key_path, create=False))
    found = {fingerprint(key): key for key in keys if key is not None}
    if header.key not in found:
        raise CannotStart(
            f"this backup needs the operator's key with the fingerprint {header.key}, and {where} has"
            f" {next(iter(found))}; put that key there, or name its file with INTAKE_KEY_FILE"
        )
    others = [key for one, key in found.items() if one != header.key]
    if next(iter(found)) != header.key and _needs(rows, found[header.key], others):
        # the next start would take the change for finished, and put the one key in the place of the other
        raise CannotStart(
            "this backup was made while the operator's key was being changed, and the two keys are the wrong way round:"
            f" the one with the fingerprint {header.key} belongs in {where}, and {next(iter(found))} in"
            f" {settings.next_key_path}"
        )
    vault = Vault(found[header.key])  # its key for hashes is the right one, where none is kept
    for other in others:
        vault.take(other)
    vault.take(found[header.key])  # what is sealed from now on is sealed with the one that will fit
    if header.secrets:
        vault.take_secrets(header.secrets)
    return vault


def _needs(rows: list[KeyRow], key: OperatorKey, others: list[OperatorKey]) -> bool:
    """Whether something in the set of keys is opened by the others, and not by this one."""
    alone, rest = Vault(key), [Vault(other) for other in others]
    return any(not _opens(alone, row) and any(_opens(other, row) for other in rest) for row in rows)


def _opens(vault: Vault, row: KeyRow) -> bool:
    try:
        if row.kind == "person":
            vault.unwrap(row.id, row.sealed)
        else:
            vault.open(f"{'errands' if row.kind == 'errand' else 'parked'}/{row.id}", row.sealed)
    except Unreadable:
        return False
    return True
