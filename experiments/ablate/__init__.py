"""The ablation: what each rule of the filter gained in accuracy, against as many rows removed at random."""
