# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Finds the lines of faults in source files. A fault is for exactly one line OLD of a function.
# usage: FUNCTION= OLD= NEW= awk -f mutate.awk FILE      prints the file with this fault
#        awk -f mutate.awk selftests/mutations/* FILE... prints the faults that are for no line
#                                                        of FILE..., or for several
# Exit code 1 if there are such faults.

function add(source, name, line, text) {
	faults++
	of[source] = of[source] " " faults
	header[faults] = "(^|[^a-zA-Z0-9_])" name "\\("
	function_of[faults] = name
	old[faults] = line
	label[faults] = text
}

BEGIN {
	printing = "FUNCTION" in ENVIRON
	if (printing)
		add(ARGV[1], ENVIRON["FUNCTION"], ENVIRON["OLD"], "")
}

FILENAME ~ /^selftests\/mutations\// {
	if (/^@ /)
		split($0, head, " ")
	else if (/^-/)
		add(head[2], head[3], substr($0, 2), FILENAME ": " head[2] " " head[3] ": " $0)
	next
}

FNR == 1 {
	n = split(of[FILENAME], here, " ")
	inside = ""
}

# A header of a function begins in the first column, and its parameters may go on below.
/^[a-z].*\(/ {
	inside = ""
	for (i = 1; i <= n && $0 !~ /;$/; i++)
		if (index($0, function_of[here[i]] "(") && $0 ~ header[here[i]])
			inside = inside " " here[i]
}

inside != "" {
	m = split(inside, open, " ")
	for (i = 1; i <= m; i++) {
		if ($0 != old[open[i]])
			continue
		found[open[i]]++
		if (printing)
			$0 = ENVIRON["NEW"]
	}
}

/^}/ { inside = "" }
printing { print }

END {
	for (i = 1; i <= faults; i++) {
		if (found[i] == 1)
			continue
		bad = 1
		if (!printing)
			print label[i] ": " found[i] + 0 " lines"
	}
	exit bad || !faults
}
