"""The size of a picture that is made to fit."""


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """(width, height) scaled so that the longer is `side`; rounded half up in whole numbers, at least 1.

    The editor computes the same sizes (web/src/editor/geometry/frame.ts).
    """
    longer = max(width, height)
    across, down = (max(1, (2 * edge * side + longer) // (2 * longer)) for edge in (width, height))
    return across, down


def fit(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """`fitted` to at most `max_side`; never enlarged."""
    if max_side is None or max(width, height) <= max_side:
        return width, height
    return fitted(width, height, max_side)
