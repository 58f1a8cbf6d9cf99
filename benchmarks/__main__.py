"""`python -m benchmarks [NAME…] [--quick]`: all benchmarks, or some of them."""

import argparse
import importlib

NAMES = (
    *("agent", "detection", "incident", "mitigation", "journey", "warehouse", "idle", "growth"),
    *("delegation", "dhcpv6", "translation", "trace", "admission"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="task bench --", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all when none is given"
    )
    parser.add_argument("--quick", action="store_true", help="short runs: to see that it works, not to quote")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    for name in arguments.names or NAMES:
        importlib.import_module(f"benchmarks.{name}").main(quick=arguments.quick)


if __name__ == "__main__":
    main()
