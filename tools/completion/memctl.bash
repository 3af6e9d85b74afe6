# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Completion for memctl: commands (of memctl help --names), heaps, tags and the options of each command.

_memctl_heaps() {
	memctl heap list 2>/dev/null | awk 'NR > 1 { print $2 }'
}

_memctl_tags() {
	memctl list --mine 2>/dev/null | awk 'NR > 1 && $NF != "-" { print $NF }'
}

_memctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local names commands command='' sub='' word words=''

	names=$(memctl help --names 2>/dev/null)
	commands=$(cut -d ' ' -f 1 <<<"$names" | sort -u)$'\nhelp'

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ $command == heap ]]; then
			sub=$word
			break
		fi
		[[ $'\n'$commands$'\n' == *$'\n'"$word"$'\n'* ]] && command=$word
		[[ -z $command || $command == heap ]] || break
	done
	case $prev in
	-H | --heap | --fallback) words=$(_memctl_heaps) ;;
	-k | --kind)
		words='buddy slab pool stack tlsf'
		[[ $command != watch ]] || words='low not-low fragmented not-fragmented compacted leak corruption'
		;;
	--sort)
		words='offset size age pid tag'
		[[ $command != top ]] || words='bytes count age pins fixed growth name'
		;;
	--by) words='owner client tag' ;;
	--color) words='auto always never' ;;
	--svg | --html) compopt -o default ;;
	-r | --region) words=$(compgen -G '/dev/memmgr*') ;;
	*)
		case $command in
		'') words="$commands --json --region --help --version" ;;
		heap)
			case $sub in
			'') words=$(sed -n 's/^heap //p' <<<"$names") ;;
			destroy | mode) words=$(_memctl_heaps) ;;
			esac
			;;
		help) words=$commands ;;
		free | resize | read | write | fill | protect | seal | pin | export | sync) words=$(_memctl_tags) ;;
		stats | frag | defrag | check | leaks | latency | debug) words=$(_memctl_heaps) ;;
		quota) words='client user' ;;
		inject)
			words='client heap'
			[[ $prev != heap ]] || words=$(_memctl_heaps)
			;;
		demo) words='buddy slab pool stack tlsf all' ;;
		replay | report) compopt -o default ;;
		esac
		;;
	esac
	if [[ $cur == -* && -n $command ]]; then
		words=$(memctl "$command" ${sub:+"$sub"} --help 2>/dev/null | grep -oE -- '--[a-z-]+' | sort -u)
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _memctl memctl
