"""The tools of strangers and the clients that they make of the document, in `.clients/`: nothing of it is committed.

`python -m tests.clients.workshop FILE` makes the collection.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PLACE = REPOSITORY / ".clients"
PYTHON = PLACE / "venv" / "bin" / "python"
SECONDS = 300
PACKAGES = ("package.json", "package-lock.json", ".npmrc")
SOURCES = (HERE / "tsconfig.json", *HERE.glob("*.ts"), HERE / "collection.mjs", REPOSITORY / "docs/integrate/agenda.ts")


class Failed(Exception):
    """A tool did not do its work; its own words."""


def run(*command: str | Path, **environment: str) -> str:
    """Run a tool in the workshop and return what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=PLACE,
        env={**os.environ, "PATH": f"{PYTHON.parent}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout + done.stderr


def has_node() -> bool:
    return all(map(shutil.which, ("node", "npm")))


def fetch_tools() -> None:
    """Install the pinned packages, once for each lock."""
    PLACE.mkdir(exist_ok=True)
    with ThreadPoolExecutor() as both:
        fetching = [both.submit(_once, "python", [HERE / "requirements.lock"], _fetch_python)]
        if has_node():
            fetching.append(both.submit(_once, "node", [HERE / name for name in PACKAGES], _fetch_node))
    for one in fetching:
        one.result()


def _once(name: str, locks: list[Path], fetch: Callable[[], None]) -> None:
    stamp = PLACE / f".{name}-{hashlib.sha256(b''.join(lock.read_bytes() for lock in locks)).hexdigest()[:16]}"
    if not stamp.exists():
        fetch()
        stamp.touch()


def _fetch_python() -> None:
    venv.create(PLACE / "venv", clear=True, with_pip=True)
    lock = HERE / "requirements.lock"
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock)


def _fetch_node() -> None:
    for name in PACKAGES:
        shutil.copy(HERE / name, PLACE)
    run("npm", "ci", "--silent")


def make_clients(document: bytes) -> dict[str, str]:
    """Let each generator work on the document; what each said, by its client."""
    (PLACE / "openapi.json").write_bytes(document)
    makers = {"attrs": _attrs, "pydantic": _pydantic}
    if has_node():
        makers |= {"fetch": _fetch, "classes": _classes}
        for source in SOURCES:
            shutil.copy(source, PLACE)
    with ThreadPoolExecutor(2) as two:
        return dict(zip(makers, two.map(lambda make: make(), makers.values()), strict=True))


def _attrs() -> str:
    config = HERE / "generator.yml"
    return run("openapi-python-client", "generate", "--path", "openapi.json", "--meta", "none", "--config", config,
               "--output-path", "attrs_client", "--overwrite")  # fmt: skip


def _pydantic() -> str:
    return _openapi_generator("python", "pydantic", "apiTests=false,modelTests=false,", "packageName=pydantic_client")


def _classes() -> str:
    return _openapi_generator("typescript-fetch", "classes_client", "", "importFileExtension=.js")


def _openapi_generator(language: str, target: str, without: str, options: str) -> str:
    shutil.rmtree(PLACE / target, ignore_errors=True)
    parts = f"apis,models,supportingFiles,{without}apiDocs=false,modelDocs=false"
    return run("openapi-generator-cli", "generate", "-g", language, "-i", "openapi.json", "-o", target,
               f"--global-property={parts}", f"--additional-properties={options}")  # fmt: skip


def _fetch() -> str:
    return run("npx", "openapi-typescript", "openapi.json", "-o", "schema.d.ts")


def collection(target: Path) -> None:
    """Make the collection from the document in the workshop."""
    shutil.copy(HERE / "collection.mjs", PLACE)
    run("node", "collection.mjs", "openapi.json", target)


def main(target: Path) -> None:
    if not has_node():
        sys.exit("node and npm are missing.")
    fetch_tools()
    document = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", "openapi"], check=True, capture_output=True
    )
    (PLACE / "openapi.json").write_bytes(document.stdout)
    target.parent.mkdir(exist_ok=True)
    collection(target.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
