"""Every test of the workspace has the fixtures of the chassis."""

pytest_plugins = ["sixfold.chassis.testing"]
