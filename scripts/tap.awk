# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Flattens TAP and KTAP (nested by indentation, or by "# " as kselftest's runner
# does it) to its leaves. Prints tab-separated lines:
#	R	ok|not ok|skip	name	comment		one result
#	D	text					why the result before it failed
#
# A result whose subtests were seen is no result of its own, unless it failed and
# none of them did. A plan that is not kept is a failure named "plan".

function indentation(    d) {
	d = 0
	while (sub(/^# /, "", line) || sub(/^  /, "", line))
		d += 2
	return d
}

function plan_kept(d) {
	if ((d in planned) && planned[d] != seen[d])
		add(d, "R\tnot ok\tplan\tplanned " planned[d] " results, saw " seen[d] "\n")
	delete planned[d]
	seen[d] = 0
}

function add(d, text) {
	pending[d] = pending[d] text
	if (d > deepest)
		deepest = d
}

# Takes what is pending below depth d, under the name of its parent.
function children(d, parent,    i, j, n, text, lines) {
	text = ""
	for (i = d + 1; i <= deepest; i++) {
		plan_kept(i)
		text = text pending[i]
		delete pending[i]
	}
	deepest = d
	n = split(text, lines, "\n")
	text = ""
	for (j = 1; j < n; j++) {
		if (parent != "" && lines[j] ~ /^R/) {
			split(lines[j], part, "\t")
			lines[j] = "R\t" part[2] "\t" parent "." part[3] "\t" part[4]
		}
		text = text lines[j] "\n"
	}
	return text
}

# The last lines since the result before.
function why(    i, text) {
	text = ""
	for (i = said > 40 ? said - 40 : 0; i < said; i++)
		text = text "D\t" lines_said[i] "\n"
	return text
}

function result(d,    status, name, comment, below) {
	status = line ~ /^not ok/ ? "not ok" : "ok"
	name = line
	sub(/^(not )?ok [0-9]+ */, "", name)
	sub(/^- /, "", name)
	comment = ""
	if (match(name, / *# /)) {
		comment = substr(name, RSTART + RLENGTH)
		name = substr(name, 1, RSTART - 1)
	}
	if (status == "ok" && toupper(comment) ~ /^SKIP/)
		status = "skip"
	sub(/^selftests: /, "", name)
	sub(/^.*: /, "", name)
	sub(/^global\./, "", name)
	gsub(/[^A-Za-z0-9_.+-]+/, "_", name)
	seen[d]++
	below = children(d, name)
	add(d, below)
	if (below == "" || (status == "not ok" && below !~ /(^|\n)R\tnot ok/))
		add(d, "R\t" status "\t" name "\t" comment "\n" (status == "not ok" ? why() : ""))
	said = 0
}

{
	line = $0
	sub(/\r$/, "", line)
	d = indentation()
	if (line ~ /^(not )?ok [0-9]+( |$)/) {
		result(d)
	} else if (line ~ /^K?TAP version/) {
		plan_kept(d)
	} else if (line ~ /^1\.\.[0-9]+/) {
		count = substr(line, 4) + 0
		if (seen[d] && !(d in planned)) {
			planned[d] = count
			plan_kept(d)
		} else {
			plan_kept(d)
			planned[d] = count
		}
		if (!count)
			add(d, "R\tskip\tall\t" line "\n")
	} else {
		lines_said[said++] = $0
	}
}

END {
	text = children(0, "")
	plan_kept(0)
	printf "%s%s", pending[0], text
}
