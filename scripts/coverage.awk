# SPDX-License-Identifier: GPL-2.0-only OR MIT
# The sum of many texts of gcov -b -c. A header appears in the text of each source that
# includes it: a line of it was run if any of them ran it.
# -v lines=FILE -v branches=FILE   get what was not run, not taken
# -v least_lines=N -v least_branches=N   bounds in percent

function number(text) { gsub(/[ *#=-]/, "", text); return text + 0 }

FNR == 1 { source = "" }

/^ *-: *0:Source:/ {
	source = $0
	sub(/^ *-: *0:Source:/, "", source)
	# As seen from where the compiler was.
	if (match(source, /module\/(base|client|core|debug|face|heap|move|region|setup|share)\/[^\/]*$/))
		source = substr(source, RSTART)
	else
		source = ""
	next
}

source == "" || /^-----/ || /^function / || /^call / || /^[^:]*: *0:/ { next }

# "branch  0 taken 5 (fallthrough)", "branch  1 never executed"
/^branch / {
	place = at SUBSEP $2
	if (!(place in branch)) {
		branch[place] = 0
		branches_of[source]++
	}
	branch[place] += $3 == "taken" ? $4 : 0
	next
}

{
	split($0, part, ":")
	count = part[1]
	line = part[2] + 0
	at = source SUBSEP line
	text[at] = $0
	sub(/^[^:]*:[^:]*:/, "", text[at])
	if (count ~ /- *$/)
		next
	if (!(at in ran)) {
		ran[at] = 0
		lines_of[source]++
	}
	ran[at] += count ~ /#|=/ ? 0 : number(count)
}

function percent(n, of) { return of ? n * 100 / of : 100 }

END {
	for (at in ran) {
		split(at, part, SUBSEP)
		if (ran[at])
			run_of[part[1]]++
		else
			printf "%s:%d:%s\n", part[1], part[2], text[at] | ("sort -t: -k1,1 -k2,2n >" lines)
	}
	for (place in branch) {
		split(place, part, SUBSEP)
		if (branch[place])
			taken_of[part[1]]++
		else
			printf "%s:%d:%s\n", part[1], part[2], text[part[1] SUBSEP part[2]] | ("sort -t: -k1,1 -k2,2n >" branches)
	}
	for (source in lines_of) {
		all += lines_of[source]
		run += run_of[source]
		ways += branches_of[source]
		taken += taken_of[source]
		printf "%-36s %6d lines %5.1f %%  %6d branches %5.1f %%\n", source, lines_of[source],
			percent(run_of[source], lines_of[source]), branches_of[source],
			percent(taken_of[source], branches_of[source]) | "sort"
	}
	close("sort")
	printf "%-36s %6d lines %5.1f %%  %6d branches %5.1f %%\n", "in all", all, percent(run, all),
		ways, percent(taken, ways)
	exit percent(run, all) < least_lines || percent(taken, ways) < least_branches
}
