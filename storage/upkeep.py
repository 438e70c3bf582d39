"""What a key rotation, a backup and a restore go through and change, whoever the rows are about."""

from collections.abc import Sequence

from storage.engine import Row, Transaction
from storage.values import marks

# what the operator's key seals


def count_sealed(tx: Transaction) -> int:
    """How many rows there are that it seals, or whose key it wraps."""
    row = tx.fetchone(
        "SELECT (SELECT COUNT(*) FROM people) + (SELECT COUNT(*) FROM parked)"
        " + (SELECT COUNT(*) FROM errands WHERE person_id IS NULL) + (SELECT COUNT(*) FROM reviewers)"
    )
    return int(row[0]) if row else 0


def wrapped_keys(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(person_id, wrapped_key), the next in the order of the ids."""
    return tx.fetchall(
        "SELECT person_id, wrapped_key FROM people WHERE person_id > ? ORDER BY person_id LIMIT ?",
        (after, limit),
    )


def set_wrapped_keys(tx: Transaction, rows: Sequence[tuple[str, bytes]]) -> None:
    tx.executemany(
        "UPDATE people SET wrapped_key = ? WHERE person_id = ?", [(sealed, one) for one, sealed in rows]
    )


def nobodys_errands(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(errand_id, sealed) of those that no person's key seals, the next in the order of the ids."""
    return tx.fetchall(
        "SELECT errand_id, sealed FROM errands WHERE person_id IS NULL AND errand_id > ?"
        " ORDER BY errand_id LIMIT ?",
        (after, limit),
    )


def set_sealed_errands(tx: Transaction, rows: Sequence[tuple[str, bytes]]) -> None:
    tx.executemany(
        "UPDATE errands SET sealed = ? WHERE errand_id = ?", [(sealed, one) for one, sealed in rows]
    )


def set_sealed_parked(tx: Transaction, rows: Sequence[tuple[str, bytes]]) -> None:
    tx.executemany(
        "UPDATE parked SET sealed = ? WHERE parked_id = ?", [(sealed, one) for one, sealed in rows]
    )


# backups: what a person's data need to be read is kept apart from them


def keys_with_refs(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(person_id, ref, since, wrapped_key), the next in the order of the ids. `since`: when somebody with that account
    was erased last, before this person came; empty when nobody was."""
    return tx.fetchall(
        "SELECT p.person_id, p.ref, COALESCE(t.erased_at, ''), p.wrapped_key FROM people p"
        " LEFT JOIN tombstones t ON t.ref = p.ref WHERE p.person_id > ? ORDER BY p.person_id LIMIT ?",
        (after, limit),
    )


def parked_with_refs(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(parked_id, ref, since, sealed) in the same way."""
    return tx.fetchall(
        "SELECT u.parked_id, u.ref, COALESCE(t.erased_at, ''), u.sealed FROM parked u"
        " LEFT JOIN tombstones t ON t.ref = u.ref WHERE u.parked_id > ? ORDER BY u.parked_id LIMIT ?",
        (after, limit),
    )


# restores


def drop_person(tx: Transaction, person_id: str, ref: str) -> None:
    """Whoever cannot be read any more: his rows go, and nothing says that he wanted it."""
    tx.execute("DELETE FROM people WHERE person_id = ?", (person_id,))
    tx.execute("DELETE FROM parked WHERE ref = ?", (ref,))


def drop_sealed_empty(tx: Transaction) -> None:
    """Nobody's errands, parked updates and reviewers whose content was not kept."""
    tx.execute("DELETE FROM errands WHERE person_id IS NULL AND sealed = ?", (b"",))
    tx.execute("DELETE FROM parked WHERE sealed = ?", (b"",))
    tx.execute("DELETE FROM reviewers WHERE sealed = ?", (b"",))


def drop_errands(tx: Transaction, kinds: Sequence[str]) -> int:
    """Of these kinds, but for what waits for a person's return: whoever has blocked the bot. How many went."""
    return tx.execute(
        f"DELETE FROM errands WHERE kind IN ({marks(kinds)}) AND NOT EXISTS"
        " (SELECT 1 FROM people p WHERE p.person_id = errands.person_id AND p.reachable = 0)",
        kinds,
    )


def count_attempts(tx: Transaction) -> None:
    """Each may have been done already."""
    tx.execute("UPDATE errands SET attempts = attempts + 1")


def ask_anew(tx: Transaction, states: Sequence[str], prompt_message: int) -> None:
    """Whatever people in these states write first answers nothing: what they are asked is said again."""
    tx.execute(
        f"UPDATE people SET prompt_message = ? WHERE state IN ({marks(states)})", (prompt_message, *states)
    )
