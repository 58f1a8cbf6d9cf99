pytest_plugins = ["sixfold.chassis.testing"]
