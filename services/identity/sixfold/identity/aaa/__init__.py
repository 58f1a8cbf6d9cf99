"""AAA for the access network: RADIUS authentication, accounting that feeds the bindings, disconnection."""
