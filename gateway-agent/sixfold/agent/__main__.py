"""`sixfold-agent`, and `python -m sixfold.agent`."""

from sixfold.agent.cli import application


def main() -> None:
    application()()


if __name__ == "__main__":
    main()
