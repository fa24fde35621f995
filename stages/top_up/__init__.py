"""Between generate and filter: more candidates for the labels that have too few accepted rows."""
