# SPDX-License-Identifier: GPL-2.0-only OR MIT
# A source file with one small fault. FUNCTION, OLD and NEW come from the environment: the
# line OLD of the function becomes NEW. Exit code 1 if the function has not exactly one
# such line.

BEGIN {
	name = ENVIRON["FUNCTION"]
	old = ENVIRON["OLD"]
	found = 0
}

# A header of a function begins in the first column, and its parameters may go on below.
/^[a-z].*\(/ { inside = index($0, name "(") && $0 ~ "(^|[^a-zA-Z0-9_])" name "\\(" && $0 !~ /;$/ }

inside && $0 == old {
	found++
	print ENVIRON["NEW"]
	next
}

/^}/ { inside = 0 }
{ print }
END { exit found != 1 }
