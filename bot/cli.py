def main() -> None:
    """Placeholder until wired."""
