"""Pure part of the convergence centre: classification, minutes, the register of services. No input or
output.
"""
