"""What is kept by its name alone: the key's fingerprint, the group that is served, how far a sweep has come."""

from storage.engine import Transaction


def get(tx: Transaction, name: str) -> str | None:
    row = tx.fetchone("SELECT value FROM facts WHERE name = ?", (name,))
    return None if row is None else str(row[0])


def put(tx: Transaction, name: str, value: str) -> None:
    """What stands there already is not written again: some are put with every turn."""
    tx.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        " WHERE value <> excluded.value",
        (name, value),
    )


def drop(tx: Transaction, name: str) -> None:
    tx.execute("DELETE FROM facts WHERE name = ?", (name,))


def beginning_with(tx: Transaction, beginning: str) -> list[tuple[str, str]]:
    """(name, value) of those whose name begins so."""
    rows = tx.fetchall(
        "SELECT name, value FROM facts WHERE substr(name, 1, ?) = ? ORDER BY name",
        (len(beginning), beginning),
    )
    return [(row[0], row[1]) for row in rows]
