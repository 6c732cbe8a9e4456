"""CSV (RFC 4180) that a spreadsheet may open."""

import csv
import io


def csv_row(*cells: str) -> str:
    """One line. Cells that are not of our own making go through `csv_text` first."""
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def csv_text(text: str) -> str:
    """A spreadsheet takes what begins so for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
