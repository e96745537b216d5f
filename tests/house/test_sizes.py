"""Files and functions stay small enough to be read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(ROOT.glob("src/sagittal/**/*.py"))
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60


def functions(file: Path) -> list[tuple[str, int]]:
    nodes = (n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.name, body_lines(node)) for node in nodes]


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_there_is_something_to_measure() -> None:
    assert len(SOURCES) > 20


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_holds_one_idea(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_function_body_fits_on_a_page(file: Path) -> None:
    assert [name for name, lines in functions(file) if lines > MAX_FUNCTION_LINES] == []


def test_nine_function_bodies_in_ten_are_under_25_lines() -> None:
    lengths = sorted(lines for file in SOURCES for _, lines in functions(file))
    assert lengths[len(lengths) * 9 // 10] < 25
    assert lengths[len(lengths) // 2] < 10
