"""What is usual for a host or prefix."""


class Baselines:
    pass
