"""Two commits, experiments or the workspace, side by side."""
