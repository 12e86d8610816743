"""The memory that the transfers of one store share for running ahead of each other's pace."""


class Budget:
    """Bytes for what is done ahead. A transfer that gets none goes on, one step after the other."""

    def __init__(self, size: int) -> None:
        self.free = size

    def take(self, size: int) -> bool:
        """Whether there were so many; they are then taken."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give(self, size: int) -> None:
        """They are free again."""
        self.free += size
