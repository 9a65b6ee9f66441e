"""Takes the gate calls out of the code one by one and looks whether a test goes red: `make mutations`."""
