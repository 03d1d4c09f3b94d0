"""Write docs/components/: a page a kind, its members read from the registries.

``python docs/build_pages.py`` writes the pages; the tests compare them with what it
would write.
"""

import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

from skmlp.activations import ACTIVATIONS
from skmlp.clipping import CLIPS
from skmlp.initializers import INITIALIZERS
from skmlp.layers import LAYERS
from skmlp.losses import LOSSES
from skmlp.optimizers import OPTIMIZERS
from skmlp.penalties import PENALTIES
from skmlp.schedules import SCHEDULES

FOLDER = Path(__file__).parent / "components"
_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
_NOTE = "<!-- Written by docs/build_pages.py from the docstrings: change those. -->"


class Kind(NamedTuple):
    """One kind of component."""

    title: str
    introduction: str
    members: dict[str, Any]


KINDS = {
    "activations": Kind(
        "Activations",
        "Functions of the hidden units: `activation=` takes a name, an instance, or one for each "
        "hidden layer. z is what the layer's product gives.",
        ACTIVATIONS,
    ),
    "initializers": Kind(
        "Initial weights",
        "How the weights are drawn: `init=`, `init_output=` and `init_bias=` take a name.",
        INITIALIZERS,
    ),
    "layers": Kind(
        "Layers",
        "What a network is made of. The estimators build them from their parameters; rows of a "
        "batch are x, the derivative of the loss with respect to the output is dout.",
        LAYERS,
    ),
    "losses": Kind(
        "Losses",
        "What training makes small, the mean over rows. z are raw scores, y targets.",
        LOSSES,
    ),
    "optimizers": Kind(
        "Optimizers",
        "First-order solvers: `solver=` takes a name or an instance. g is the gradient, lr the "
        "learning rate, t the number of steps. `solver='lbfgs'` is SciPy's L-BFGS-B on all rows.",
        OPTIMIZERS,
    ),
    "penalties": Kind(
        "Penalties and constraints",
        "What keeps weights small. Each acts as soon as its parameter is set; biases, and scale "
        "and shift of normalisation, are spared.",
        PENALTIES,
    ),
    "clipping": Kind(
        "Gradient clipping",
        "Limits on the gradient of the loss, before penalties are added.",
        CLIPS,
    ),
    "schedules": Kind(
        "Schedules",
        "The learning rate as a function of progress: `learning_rate=`, and as factors "
        "`dropout_schedule=` and `weight_decay_schedule=`. Every one goes with every optimizer.",
        SCHEDULES,
    ),
}


def page(kind: Kind) -> str:
    """Return the Markdown page of a kind."""
    parts = [f"# {kind.title}\n", _NOTE, kind.introduction + "\n", _table(kind)]
    parts += [_entry(name, member) for name, member in kind.members.items()]
    return "\n".join(parts)


def _table(kind: Kind) -> str:
    """Return the list of members: name and formula."""
    rows = [f"| `{name}` | {_cell(_summary(member))} |" for name, member in kind.members.items()]
    return "\n".join(["| name | formula |", "|---|---|", *rows]) + "\n"


def _entry(name: str, member: Any) -> str:
    """Return the section of one member."""
    body, sections = _sections(member)
    text = [f"## `{name}`\n", body.strip() + "\n"]
    if "Parameters" in sections:
        text.append(f"```text\n{sections['Parameters'].strip()}\n```\n")
    return "\n".join([*text, f"*{' '.join(sections.get('References', '').split())}*\n"])


def _sections(member: Any) -> tuple[str, dict[str, str]]:
    """Return a docstring's text and its numpydoc sections."""
    body, *rest = _SECTION.split(inspect.getdoc(member) or "")
    return body, dict(zip(rest[::2], rest[1::2], strict=True))


def _summary(member: Any) -> str:
    """Return the first paragraph of a docstring."""
    return " ".join(_sections(member)[0].strip().split("\n\n")[0].split())


def _cell(text: str) -> str:
    """Return text that does not end a cell of a table."""
    return text.replace("|", "\\|")


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, kind in KINDS.items():
        (FOLDER / f"{name}.md").write_text(page(kind), encoding="utf-8")


if __name__ == "__main__":
    main()
