"""Label texts with a trained student: `labelmint predict`."""
