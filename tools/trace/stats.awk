# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Gathers the figures of sound traces and prints them as two Markdown tables. Each trace comes as
# "@ NAME" followed by its lines, all on standard input.

# The live allocations in the order in which they were made, as a list through ids: newest is its
# end, 0 stands for none, so that ids count from 1 here.
function link(id) {
	older[id] = newest
	newer[id] = 0
	if (newest)
		newer[newest] = id
	newest = id
}

function unlink(id) {
	if (newer[id])
		older[newer[id]] = older[id]
	else
		newest = older[id]
	if (older[id])
		newer[older[id]] = newer[id]
}

function add(what, n) {
	value[trace, what] += n
}

function grow(change) {
	bytes += change
	if (bytes > value[trace, "peak-bytes"])
		value[trace, "peak-bytes"] = bytes
	if (live > value[trace, "peak-live"])
		value[trace, "peak-live"] = live
}

# The class of a size is the least power of two that holds it.
function class_of(size,    power, n) {
	for (power = 1; power < size; power *= 2)
		n++
	return n + 0
}

function alloc(id, size, align,    class) {
	size_of[id] = size
	link(id)
	live++
	grow(size)
	add("allocs", 1)
	if (align > 0)
		add("aligned", 1)
	if (size > value[trace, "largest"])
		value[trace, "largest"] = size
	class = class_of(size)
	histogram[trace, class]++
	if (class > top_class)
		top_class = class
}

function release(id) {
	if (id == newest)
		add("lifo", 1)
	unlink(id)
	live--
	grow(-size_of[id])
	add("frees", 1)
}

function resize(id, size) {
	grow(size - size_of[id])
	size_of[id] = size
	add("resizes", 1)
}

$1 == "@" {
	trace = $2
	name[++traces] = trace
	newest = bytes = live = 0
	next
}
/^#/ || NF == 0 { next }
{ add("events", 1) }
$1 ~ /^a/ { alloc($2 + 1, $3 + 0, $4 + 0) }
$1 ~ /^f/ { release($2 + 1) }
$1 ~ /^r/ { resize($2 + 1, $3 + 0) }

function scaled(n) {
	if (n < 1024)
		return sprintf("%d", n)
	if (n < 1024 * 1024)
		return sprintf("%d KiB", n / 1024)
	return sprintf("%d MiB", n / 1024 / 1024)
}

function percent(part, whole) {
	return whole ? sprintf("%.1f %%", 100 * part / whole) : "-"
}

function row(trace) {
	printf "| %s | %d | %d | %d | %d | %.0f | %d | %.0f | %d | %s |\n", trace,
		value[trace, "events"], value[trace, "allocs"], value[trace, "frees"],
		value[trace, "resizes"], value[trace, "peak-bytes"], value[trace, "peak-live"],
		value[trace, "largest"], value[trace, "aligned"],
		percent(value[trace, "lifo"], value[trace, "frees"])
}

END {
	print "| trace | events | allocs | frees | resizes | peak bytes | peak live | largest alloc | aligned | LIFO |"
	print "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
	for (i = 1; i <= traces; i++)
		row(name[i])
	printf "\nAllocations by size, each line up to and with the size it names:\n\n| size |"
	for (i = 1; i <= traces; i++)
		printf " %s |", name[i]
	printf "\n|--:|"
	for (i = 1; i <= traces; i++)
		printf "--:|"
	print ""
	for (class = 0; class <= top_class; class++) {
		printf "| %s |", scaled(2 ^ class)
		for (i = 1; i <= traces; i++)
			printf " %s |", histogram[name[i], class]
		print ""
	}
}
