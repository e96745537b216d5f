"""What is compiled can be compiled: mypyc drops some things without a word."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def modules() -> list[Path]:
    """The sources that `setup.py` names."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    (names,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "MODULES" for t in node.targets)
    )
    said = eval(compile(ast.Expression(names), "setup.py", "eval"))  # a table of our own
    return [ROOT / "src" / "sagittal" / f"{name}.py" for name in said]


def test_there_is_something_to_compile() -> None:
    assert len(modules()) > 5


@pytest.mark.parametrize("module", modules(), ids=lambda m: str(m.relative_to(ROOT)))
def test_no_compiled_class_says_more_than_its_base(module: Path) -> None:
    classes = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ClassDef)]
    assert [one.name for one in classes if one.keywords] == []
