# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Checks one trace against the format (README.md). Prints each fault as LINE: WHAT, at most ten.
# Exit status: 0 without a fault, 1 with one.

BEGIN {
	max_size = 4294967296
	max_id = 2147483647
	split("events allocs frees resizes peak-bytes peak-live end-bytes end-live", counted)
	kind["a"] = kind["alloc"] = "a"
	kind["f"] = kind["free"] = "f"
	kind["r"] = kind["resize"] = "r"
}

function fault(what) {
	if (++faults <= 10)
		print FNR ": " what
	else if (faults == 11)
		print "more faults are not shown"
}

function is_number(word) {
	return word ~ /^[0-9]+$/ && length(word) <= 15
}

function is_power_of_two(n) {
	while (n > 1)
		n /= 2
	return n == 1
}

function good_id(id) {
	if (is_number(id) && id + 0 <= max_id)
		return 1
	fault("bad id '" id "'")
	return 0
}

function good_size(size) {
	if (is_number(size) && size + 0 <= max_size)
		return 1
	fault("bad size '" size "'")
	return 0
}

function good_align(align) {
	if (align == "0" || (is_number(align) && align + 0 <= max_size && is_power_of_two(align + 0)))
		return 1
	fault("bad alignment '" align "'")
	return 0
}

function good_tag(tag) {
	if (tag ~ /^[A-Za-z0-9_.:-]+$/ && length(tag) <= 31)
		return 1
	fault("bad tag '" tag "'")
	return 0
}

function is_live(id) {
	if (id + 0 in size_of)
		return 1
	fault("id " id " is not live")
	return 0
}

function count(what, change) {
	found["events"]++
	found[what]++
	found["end-bytes"] += change
	if (found["end-bytes"] > found["peak-bytes"])
		found["peak-bytes"] = found["end-bytes"]
	if (found["end-live"] > found["peak-live"])
		found["peak-live"] = found["end-live"]
}

function alloc() {
	if (NF < 3 || NF > 5) {
		fault("an allocation is: a ID SIZE [ALIGN [TAG]]")
		return
	}
	if (!good_id($2) || !good_size($3) || (NF > 3 && !good_align($4)) || (NF > 4 && !good_tag($5)))
		return
	if ($2 + 0 in size_of) {
		fault("id " $2 " is live already")
		return
	}
	size_of[$2 + 0] = room($3)
	found["end-live"]++
	count("allocs", room($3))
}

# No bytes are served as one.
function room(size) {
	return size + 0 ? size + 0 : 1
}

function release(    size) {
	if (NF != 2) {
		fault("a free is: f ID")
		return
	}
	if (!good_id($2) || !is_live($2))
		return
	size = size_of[$2 + 0]
	delete size_of[$2 + 0]
	found["end-live"]--
	count("frees", -size)
}

function resize(    change) {
	if (NF != 3) {
		fault("a resize is: r ID SIZE")
		return
	}
	if (!good_id($2) || !good_size($3) || !is_live($2))
		return
	change = room($3) - size_of[$2 + 0]
	size_of[$2 + 0] = room($3)
	count("resizes", change)
}

FNR == 1 && $0 != "# memmgr-trace 1" { fault("the first line is not '# memmgr-trace 1'") }

# Only before the first event is a comment a header line.
/^#/ {
	if (!found["events"] && $2 ~ /:$/)
		header[substr($2, 1, length($2) - 1)] = $3
	next
}
NF == 0 { next }
!($1 in kind) { fault("unknown event '" $1 "'"); next }
kind[$1] == "a" { alloc() }
kind[$1] == "f" { release() }
kind[$1] == "r" { resize() }

END {
	if (!found["events"])
		fault("no events")
	for (i = 1; i in counted; i++) {
		key = counted[i]
		if (key in header && header[key] != sprintf("%.0f", found[key]))
			fault(sprintf("header %s says %s, the events say %.0f", key, header[key], found[key]))
	}
	exit faults > 0
}
