"""A process that decides, learns and saves is killed, again and again; what it left is read.

    python tests/benchmarks/crash.py --kills 1000

After every ``kill -9`` the file must load, and each decision must count once or still wait.
The answer to decision ``n`` is the number ``n``: so the sum of what was learned tells whether
one of them counted twice or was lost. Whoever sends answers cannot know which of them were
counted before a crash, so the last ones are sent again after each restart.
Prints the results as JSON.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from banditsplit import UCB1, Policy, load

# It answers in any order what has waited for a while, and saves after every step.
CHILD = """
import random, sys
from pathlib import Path
from banditsplit import load

path, journal, seed = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
policy, chance = load(path), random.Random(seed)
refused = 0
for line in journal.read_text().splitlines()[-20:]:
    try:
        policy.learn(int(line), float(line))
    except ValueError:
        refused += 1
policy.save(path)
print(refused, flush=True)
with journal.open("a") as answers:
    while True:
        policy.decide()
        waiting = policy.pending
        if len(waiting) > 5:
            decision = chance.choice(waiting)
            answers.write(f"{decision.id}\\n")
            answers.flush()
            policy.learn(decision, float(decision.id))
        policy.save(path)
"""


def check(policy: Policy) -> int:
    """Return how many decisions were answered; each of them counts once."""
    stats, waiting = policy.stats, [decision.id for decision in policy.pending]
    answered = int(stats.pulls.sum())
    made = answered + len(waiting)
    learned = float((stats.mean * stats.pulls).sum())
    wanted = made * (made - 1) / 2 - sum(waiting)
    if abs(learned - wanted) > 1e-9 * max(wanted, 1.0) or policy.round != answered + 1:
        raise AssertionError(f"{answered} answers sum to {learned}, and not to {wanted}")
    return answered


def crash(kills: int, folder: Path, seed: int = 0) -> dict[str, Any]:
    """Kill the process ``kills`` times in ``folder``, and check what each kill left."""
    chance = random.Random(seed)  # noqa: S311 - when to kill is no secret
    path, journal = folder / "policy.json", folder / "answers"
    UCB1(5, seed=seed).save(path)
    journal.touch()
    refused = answered = 0
    began = time.perf_counter()
    for number in range(kills):
        command = [sys.executable, "-c", CHILD, str(path), str(journal), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            if process.stdout is None:
                raise AssertionError("the process has no output")
            refused += int(process.stdout.readline())
            time.sleep(chance.uniform(0.0, 0.03))
            process.send_signal(signal.SIGKILL)
        now = check(load(path))
        if now < answered:
            raise AssertionError(f"{answered} answers were saved, and {now} are left")
        answered = now
    halves = list(folder.glob(".policy.json.*"))
    return {
        "kills": kills,
        "seed": seed,
        "answers_counted_once": answered,
        "answers_sent_again_and_refused": refused,
        "kills_in_the_middle_of_a_save": len(halves),
        "seconds": round(time.perf_counter() - began),
    }


def main() -> None:
    """Run it in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = crash(options.kills, Path(folder), options.seed)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
