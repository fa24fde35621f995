"""What goes wrong on purpose: faults, hostile texts and load, measured."""
