"""The size of a picture that is made to fit."""


def fit(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """(width, height) scaled down uniformly so that the longer side is at most `max_side`; never enlarged."""
    longer = max(width, height)
    if max_side is None or longer <= max_side:
        return width, height
    scale = max_side / longer
    return max(1, round(width * scale)), max(1, round(height * scale))
