# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
#
# Input of the trace "bash": counts the words of the texts named and prints the most frequent ones.

declare -A count

for file; do
	while read -r -a words; do
		for word in "${words[@]}"; do
			word=${word,,}
			word=${word//[^a-z]/}
			[[ -z $word ]] || count[$word]=$((${count[$word]:-0} + 1))
		done
	done <"$file"
done

for word in "${!count[@]}"; do
	printf '%6d %s\n' "${count[$word]}" "$word"
done | sort -rn | head -20
