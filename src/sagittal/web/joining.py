"""Plain modules that are always wanted together, joined into one file when the server starts.

A browser on a thin line has few connections, each of which waits a round trip for each file, and a coding finds more
that repeats in one file than in ten. Sources stay modules: each becomes a function of its own, so that names do not
meet, and gives what it exports as an object. Modules that are loaded later take theirs from those objects.
"""

import re
from collections.abc import Mapping
from typing import Final

_IMPORT: Final = re.compile(r'^import (?:(\{[^}]*\})|\* as (\w+)) from "\./(\w+)\.js";', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_LATER: Final = re.compile(r'\bimport\("\./(\w+)\.js"\)')
_LEFT: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined(modules: Mapping[str, str], entry: str) -> dict[str, str]:
    """The modules with all that `entry` imports in the place of `entry`; none of these is left besides.

    Args:
        modules: the text of each by its name, without `.js`; all lie in one folder.

    Raises:
        ValueError: a module imports or exports in a way that is not understood here, or imports itself by others.
    """
    order: list[str] = []
    _visit(modules, entry, order, ())
    together = frozenset(order)
    whole = "\n".join(f"export const ${one} = (() => {{\n{_body(modules[one], together)}}})();\n" for one in order)
    others = {one: _with_own(text, together, entry) for one, text in modules.items() if one not in together}
    return {**others, entry: whole}


def _visit(modules: Mapping[str, str], one: str, order: list[str], above: tuple[str, ...]) -> None:
    """Puts a module into the order, after those it imports."""
    if one in above:
        raise ValueError(f"modules import each other: {' > '.join((*above, one))}")
    if one in order:
        return
    for found in _IMPORT.finditer(modules[one]):
        _visit(modules, found[3], order, (*above, one))
    order.append(one)


def _body(text: str, together: frozenset[str]) -> str:
    """A module as the inside of a function."""
    names = [found[2] for found in _EXPORT.finditer(text)]
    inside = _EXPORT.sub(r"\1 \2", _IMPORT.sub(lambda found: _taken(found, together), text))
    if left := _LEFT.search(inside):
        raise ValueError(f"a module is joined by what it imports or exports in another way: {left[0][:80]}")
    return f"{inside.rstrip()}\nreturn {{ {', '.join(names)} }};\n"


def _taken(found: re.Match[str], together: frozenset[str]) -> str:
    """A declaration in the place of an import."""
    named, whole, module = found.groups()
    if module not in together:
        return found[0]
    return f"const {whole or named.replace(' as ', ': ')} = ${module};"


def _with_own(text: str, together: frozenset[str], entry: str) -> str:
    """A module that stays one, with what it imports of those that do not."""
    wanted = dict.fromkeys(found[3] for found in _IMPORT.finditer(text) if found[3] in together)
    if not wanted:
        return _loading(text, together, entry)
    imported = f'import {{ {", ".join(f"${one}" for one in wanted)} }} from "./{entry}.js";\n'
    return imported + _loading(_IMPORT.sub(lambda found: _taken(found, together), text), together, entry)


def _loading(text: str, together: frozenset[str], entry: str) -> str:
    """With modules that are loaded later where they are now."""

    def place(found: re.Match[str]) -> str:
        if found[1] not in together:
            return found[0]
        return f'import("./{entry}.js").then((all) => all.${found[1]})'

    return _LATER.sub(place, text)
