"""Run the fault suite: `./scripts/faults`, or `python -m tests.faults`.

Prints a line for each round, and in the end one for each fault and a summary. The exit status is 1 where anything was
lost or doubled, or is not as promised.
"""

import argparse
import secrets
import signal
import sys
import time
import traceback

from tests.faults.faults import FAULTS, Fault
from tests.faults.tally import Plan, Progress, Tally


def main() -> int:
    """Run the chosen faults, and return the exit status."""
    options = _parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything is cleaned up as on Ctrl-C
    print(f"seed {options.seed}", file=sys.stderr)
    total, wrong = Tally(), []
    for fault in FAULTS:
        if options.only and fault.name not in options.only:
            continue
        tally = _run(fault, options)
        print(f"{fault.name}: {tally}", *(f"  {note}" for note in tally.notes), sep="\n", flush=True)
        if not tally.is_right:
            wrong.append(fault.name)
            print(*(f"  WRONG: {problem}" for problem in tally.problems), sep="\n", flush=True)
        total += tally
    print(f"faults: {total}" + (f"; NOT AS PROMISED: {', '.join(wrong)}" if wrong else ""))
    return 1 if wrong else 0


def _run(fault: Fault, options: argparse.Namespace) -> Tally:
    began = time.monotonic()
    reason = fault.missing()
    if reason:
        return Tally(notes=[f"left out: {reason}"])
    plan = Plan(options.rounds or fault.rounds, options.seed, Progress(fault.name), is_timed=True)
    try:
        tally = fault.run(plan)
    except Exception:
        tally = Tally(problems=[traceback.format_exc()])
    tally.notes.append(f"{time.monotonic() - began:.0f} s")
    return tally


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/faults", description="Make faults happen, and check the promises.")
    parser.add_argument("--rounds", type=int, help="rounds of each fault, instead of its own number")
    parser.add_argument("--only", action="append", choices=[fault.name for fault in FAULTS], help="run this fault")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="repeat a run")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("faults: interrupted; everything is ended and removed")
