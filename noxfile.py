"""Checks, each in its own environment: `nox -s tests`, `fuzz`, `lint`, `types`, `docs`, `experiments`, `bench`."""

import re
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.sessions = ["tests", "fuzz", "lint", "types", "docs", "experiments"]
nox.options.error_on_missing_interpreters = True

PACKAGES = ["bpe", "nn", "optim", "trainer"]
OLDER_TORCH = ["2.10.0", "2.11.0"]
"""The oldest one that is supported, and one whose compiler lost a gradient that the others compute."""
BENCHMARKS = ["tokenizer", "model", "trainer", "leaderboard", "gpu"]


def sync(session: nox.Session, *arguments: str) -> None:
    """Install what uv.lock says, and nothing else, into the session's environment."""
    session.run_install(
        "uv",
        "sync",
        "--locked",
        "--no-default-groups",
        *arguments,
        f"--python={session.virtualenv.location}",
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )


@nox.session
@nox.parametrize("package", [*PACKAGES, "workspace"])
def tests(session: nox.Session, package: str) -> None:
    """Run a package's tests with only what it declares; or those that cross packages, with all of them."""
    # Many tests start programs, each of which compiles all of torch's source where Python may not keep the result.
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    if package == "workspace":
        groups = [f"--group={name}" for name in ("apps", "experiments", "docs", "ray", "test")]
        sync(session, "--all-packages", *groups, "--no-editable")
        session.run("pytest", "tests", "docs/tour/solutions", *session.posargs)
    else:
        sync(session, f"--package={package}", "--group=test", "--no-editable")
        session.run("pytest", f"packages/{package}", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Compare all ways from text to ids for 20 seconds, with another seed each time; or `nox -s fuzz -- --help`."""
    sync(session, "--package=bpe", "--group=test", "--no-editable")
    session.run("python", "-m", "packages.bpe.tests.fuzz", *(session.posargs or ["--seconds", "20"]))


@nox.session
@nox.parametrize("torch", OLDER_TORCH)
def compiling(session: nox.Session, torch: str) -> None:
    """Compile every configuration of the model with an older torch, whose compiler has other bugs (downloads 5 GB)."""
    sync(session, "--package=nn", "--group=test", "--no-editable")
    session.run_install("uv", "pip", "install", f"torch=={torch}")
    session.run("python", "packages/nn/tests/compiling.py", "aot_eager")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff, and who may import whom with import-linter."""
    sync(session, "--all-packages", "--group=lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy."""
    sync(session, "--all-packages", "--group=apps", "--group=experiments", "--group=types", "--group=docs")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the website, without network. Broken links, anchors, references and docstrings are errors."""
    sync(session, "--only-group=docs")
    session.run("python", "-m", "website")
    output = str(session.run("zensical", "build", "--clean", "--strict", silent=True))
    session.log(output)
    if "griffe:" in output:  # about docstrings, which Zensical reports without counting them as warnings
        session.error("correct the docstrings that are named above")
    for page in Path("build/website/html").rglob("*.html"):
        if loaded := re.search(r'<(?:link[^>]+href|[a-z]+[^>]+src)="?https?:[^>]+>', page.read_text("utf-8")):
            session.error(f"{page} loads something from another machine: {loaded[0]}")
    session.log("open build/website/html/index.html, or run: uv run zensical serve")


@nox.session
def experiments(session: nox.Session) -> None:
    """Run every experiment at scale smoke, and write the report; or what is given: `run nope --scale cpu`."""
    sync(session, "--all-packages", "--group=apps", "--group=experiments", "--no-editable")
    if session.posargs:
        session.run("python", "apps/experiments.py", *session.posargs)
        return
    folder = session.create_tmp()
    smoke = ("--scale", "smoke", "--directory", f"{folder}/results")
    session.run("python", "apps/experiments.py", "run", "all", *smoke)
    session.run("python", "apps/experiments.py", "report", *smoke, "--out", f"{folder}/report")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure ours against its peers: `nox -s bench -- tokenizer encode --corpus novels.txt`."""
    name, *arguments = session.posargs or [""]
    if name not in BENCHMARKS:
        session.error(f"{name!r} is not a benchmark: run `nox -s bench -- NAME ...` with {' or '.join(BENCHMARKS)}")
    groups = ["--group=bench", *(["--group=test"] if name == "gpu" else [])]  # a part of gpu runs tests
    sync(session, "--all-packages", "--all-extras", *groups, "--no-editable")
    session.run("python", "-m", f"benchmarks.{name}", *(arguments or ["--help"]))
