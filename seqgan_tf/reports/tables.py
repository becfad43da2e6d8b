"""Tables and numbers in Markdown."""

from collections.abc import Sequence


def number(value: float | None) -> str:
    """A number with three decimals; an int without; "-" for None."""
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
