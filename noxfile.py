"""The checks, each in an environment of its own: ``nox --list`` names them."""

from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types", "imports", "doctest", "examples"]
nox.options.reuse_existing_virtualenvs = True

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

# The floors of the dependencies in pyproject.toml.
LOWEST = ["numpy==2.0.*", "scikit-learn==1.6.*", "scipy==1.13.*"]

# scikit-learn's array API checks are skipped without it.
ENVIRONMENT = {"SCIPY_ARRAY_API": "1"}


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on the newest versions of the dependencies."""
    session.install(".[plot,progress,test]")
    session.run("pytest", "-n", "2", *session.posargs, env=ENVIRONMENT)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Run the tests on the lowest supported versions of the dependencies."""
    session.install("--only-binary=numpy,pandas,polars,scikit-learn,scipy", ".[test]", *LOWEST)
    session.run("pytest", "-n", "2", *session.posargs, env=ENVIRONMENT)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, layout and docstrings."""
    session.install("numpydoc", "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("numpydoc", "lint", *map(str, sorted(Path("skmlp").rglob("*.py"))))


@nox.session
def types(session: nox.Session) -> None:
    """Check the type hints of the package."""
    session.install(".[progress]", "mypy")
    session.run("mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """Check who imports whom."""
    session.install(".", "import-linter")
    session.run("lint-imports", "--no-logo")


@nox.session
def doctest(session: nox.Session) -> None:
    """Run the examples in docstrings."""
    session.install(".[progress,test]")
    session.run("pytest", "--doctest-modules", "skmlp", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run the examples in the README and the documentation."""
    session.install(".[test]")
    session.run("pytest", "--doctest-glob=*.md", "README.md", "docs", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """Measure speed and memory beside scikit-learn and PyTorch."""
    session.install(".[peers]")
    session.run("python", "benchmarks/speed.py", *session.posargs)
