"""Modules joined into one, as text and as what they do."""

import subprocess
from pathlib import Path

import pytest

from sagittal.web.joining import joined
from sagittal.web.viewer_files import viewer_files
from support.node.install import node_program
from support.peers import require

MODULES = {
    "main": 'import { tell as said } from "./words.js";\nimport * as count from "./count.js";\n'
    'export const start = async () => `${said()} ${count.next()} ${await (await import("./later.js")).further()}`;\n',
    "words": "// Words.\nconst kept = 'one';\nexport function tell() { return kept; }\n",
    "count": 'import { tell } from "./words.js";\nlet kept = 0;\nexport const next = () => `${tell()}${++kept}`;\n',
    "later": 'import { next } from "./count.js";\nimport { own } from "./alone.js";\n'
    "export async function further() { return `${next()} ${own}`; }\n",
    "alone": "export const own = 'alone';\n",
}


def test_what_is_always_wanted_is_one_file_and_the_others_stay() -> None:
    found = joined(MODULES, "main")
    assert sorted(found) == ["alone", "later", "main"]
    assert found["alone"] == MODULES["alone"]
    assert found["later"].startswith('import { $count } from "./main.js";\nconst { next } = $count;\n')
    assert 'import { own } from "./alone.js";' in found["later"]


def test_they_do_what_they_did(tmp_path: Path) -> None:
    node = node_program("node")
    if node is None:
        require("node")
        return
    for name, text in joined(MODULES, "main").items():
        (tmp_path / f"{name}.mjs").write_text(text.replace('.js"', '.mjs"'))
    script = "const { $main } = await import('./main.mjs'); console.log(await $main.start());"
    told = subprocess.run(
        [*node, "--input-type=module", "-e", script],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.stdout.strip() == "one one1 one2 alone"  # one counter for all


def test_a_module_that_is_loaded_later_is_found_where_it_is_now() -> None:
    modules = {**MODULES, "last": 'export const load = () => import("./words.js");\n'}
    assert 'import("./main.js").then((all) => all.$words)' in joined(modules, "main")["last"]


@pytest.mark.parametrize(
    "text",
    [
        "export default function start() {}\n",
        'export { tell } from "./words.js";\n',
        'import tell from "./words.js";\n',
        "export let changing = 1;\n",
    ],
)
def test_other_forms_are_told_not_broken(text: str) -> None:
    with pytest.raises(ValueError, match="in another way"):
        joined({**MODULES, "main": text}, "main")


def test_modules_that_import_each_other_are_told() -> None:
    with pytest.raises(ValueError, match="main > count > main"):
        joined({"main": 'import { a } from "./count.js";\n', "count": 'import { b } from "./main.js";\n'}, "main")


def test_the_viewer_is_one_module_at_first() -> None:
    files = viewer_files().files
    assert "export const $pane" in files["main.js"].plain.decode()
    assert "pane.js" not in files
    assert {"boot.js", "decoder.js", "keep.js", "viewer.css"} <= set(files)
