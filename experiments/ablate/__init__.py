"""The ablation: what each rule of the filter bought in accuracy, against as many rows drawn at random."""
