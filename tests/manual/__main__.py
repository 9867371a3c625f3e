"""Write the manual: `python -m tests.manual`."""

from __future__ import annotations

from tests.manual.pages import COMMANDS, FUNCTIONS, pages
from tests.shared import ROOT


def main() -> None:
    """Write every page, and remove those that are no longer made."""
    made = pages()
    changed = 0
    for path, text in made.items():
        file = ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed += 1
    kept = {ROOT / path for path in made}
    gone = [file for folder in (COMMANDS, FUNCTIONS) for file in (ROOT / folder).rglob("*.md") if file not in kept]
    for file in gone:
        file.unlink()
    print(f"{len(made)} pages, {changed} of them changed; {len(gone)} removed")


if __name__ == "__main__":
    main()
