#!/bin/sh
# Builds the program in this folder with allocscc, runs it, and shows who owned its heap.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=${here%/examples/demo}
out=$root/build/demo
mkdir -p "$out"
cd "$here" # allocscc.toml is looked for from here upwards

say() {
	echo "\$ $*"
	"$@"
}

say "$root/bin/allocscc" -g -O2 -o "$out/words" words.c memory.c
echo "\$ ALLOCS_OPTIONS=profile=$out/heap.json $out/words LICENSE"
ALLOCS_OPTIONS=profile=$out/heap.json "$out/words" "$root/LICENSE"
say "$root/bin/allocs" report "$out/heap.json"
echo "Next, see why the link did what it did: bin/allocs explain build/demo/words"
