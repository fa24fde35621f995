#!/usr/bin/env bash
# The whole pipeline on fewer rows and one seed: a DVC experiment, so params.yaml in git stays as it is.
set -euo pipefail
echo "repro: quick run, about 6 minutes on 2 cores; scores will be lower and intervals wider"
dvc exp run --name "quick-$(date +%H%M%S)" \
  -S generate.candidates=576 -S real.curve='[200,300,400]' -S arms='[real,synthetic,mixed,real_300]' \
  -S prepare.test_rows=500 -S describe.subsamples=2 \
  -S train.seeds='[1]' -S train.epochs=2 -S train.validation_share=0.34 -S baselines.draws=1 -S evaluate.bootstrap_samples=500
python -m labelmint.scoring.verdict
echo "repro: every row, chart and prompt: metrics/report.html"
echo "repro: the run is an experiment: dvc exp show --only-changed; git checkout params.yaml dvc.lock metrics undoes it"
