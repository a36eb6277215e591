"""In how many stacks with one mistake `reach` names the right cause: `.venv/bin/python bench/reach.py [STACKS OF EACH MISTAKE]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "planner"))

from reach_world import MISTAKES, causes


def main(rounds: int) -> None:
    right = 0
    for mistake, (cause, _) in MISTAKES.items():
        named = causes(mistake, rounds)
        right += named.count(cause)
        others = sorted({str(each) for each in named if each != cause})
        print(
            f"{named.count(cause):5} of {rounds}  {mistake}"
            + (f": also {', '.join(others)}" if others else "")
        )
    print(f"{right:5} of {rounds * len(MISTAKES)} right: {right / rounds / len(MISTAKES):.1%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
