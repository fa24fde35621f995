#!/usr/bin/env bash
# The whole pipeline on fewer rows and arms and a smaller encoder: an experiment in a copy, which leaves this folder as it is.
set -euo pipefail
if LC_ALL=C grep -q '[^ -~]' <<<"$PWD"; then # it would end in: 'ascii' codec can't encode character
  echo "repro: error: DVC can't make a copy in $PWD: its path has letters other than A to Z; move the folder, or run: make repro" >&2
  exit 1
fi
echo "repro: quick run, 3 to 6 minutes on 2 cores; scores will be lower and intervals wider"
name=${1:-quick-$(date +%H%M%S)}
fewer=()
for arm in synthetic fast_real fast real_3000 llm llm_probe tfidf majority; do # those that params.yaml still has
  ! grep -q "^  $arm:" params.yaml || fewer+=(-S "~arms.$arm")
done
files=() # those of your task, which git need not know
while IFS= read -r -d '' file; do files+=(--copy-paths "$file"); done < <(git ls-files -z --others data/raw data/tasks)
dvc exp run --temp --name "$name" ${files[@]+"${files[@]}"} \
  -S train.encoder=minilm-l6-v2 -S 'train.seeds=[1]' -S generate.candidates=192 \
  -S prepare.unlabelled_rows=500 -S prepare.test_rows=500 -S evaluate.bootstrap_samples=500 \
  ${fewer[@]+"${fewer[@]}"}
mkdir -p quick
for file in report.html report.md; do dvc get -q -f . "metrics/$file" --rev "$name" -o "quick/$file"; done
# Without the Markdown's marks.
sed '/^| /,$d; s/^## //; s/\\//g' quick/report.md
echo "repro: all rows, charts and prompts: quick/report.html"
echo "repro: this was the experiment $name (dvc exp show --only-changed). The whole run: make repro"
