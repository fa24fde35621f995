#!/usr/bin/env bash
# The whole pipeline on fewer rows, fewer arms and one seed: a DVC experiment, which changes params.yaml until it is undone.
set -euo pipefail
echo "repro: quick run, about 6 minutes on 2 cores; scores will be lower and intervals wider"
fewer=()
for arm in real_1000 real_3000 mixed_300 mixed_1000; do # those that params.yaml still has
  ! grep -q "^  $arm:" params.yaml || fewer+=(-S "~arms.$arm")
done
dvc exp run --name "quick-$(date +%H%M%S)" \
  -S generate.candidates=576 -S prepare.test_rows=500 -S evaluate.bootstrap_samples=500 \
  -S 'train.seeds=[1]' -S train.epochs=2 -S train.validation_share=0.34 \
  ${fewer[@]+"${fewer[@]}"} -S arms.real_300.seeds=1 -S arms.llm.seeds=1
labelmint verdict
echo "repro: all rows, charts and prompts: metrics/report.html"
echo "repro: this was an experiment (dvc exp show --only-changed); to undo it: git checkout params.yaml dvc.lock metrics && dvc checkout"
