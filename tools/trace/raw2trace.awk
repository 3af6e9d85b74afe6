# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Turns the raw log of one process (see memtrace.c) into a trace (see README.md).
# Variable: max (most events of the trace). Environment: PROGRAM, LEFT_OUT, COMMENT (header texts).
#
# Reads the whole log even where the trace is cut, so that the header can tell how much is missing.

# The free ids below next_id are a binary heap in heap[1..free_ids]: the lowest is taken first.
function put_id(id,    i, parent) {
	for (i = ++free_ids; i > 1; i = parent) {
		parent = int(i / 2)
		if (heap[parent] <= id)
			break
		heap[i] = heap[parent]
	}
	heap[i] = id
}

function take_id(    id, last, i, child) {
	if (!free_ids)
		return next_id++
	id = heap[1]
	last = heap[free_ids--]
	for (i = 1; 2 * i <= free_ids; i = child) {
		child = 2 * i
		if (child < free_ids && heap[child + 1] < heap[child])
			child++
		if (heap[child] >= last)
			break
		heap[i] = heap[child]
	}
	heap[i] = last
	return id
}

# A quiet point is where the fewest bytes are live; a cut is made there, in the last tenth.
function note_quiet_point() {
	if (events < 0.9 * max || (quiet_events && bytes >= quiet_bytes))
		return
	quiet_events = events
	quiet_bytes = bytes
	quiet = totals()
}

function totals() {
	return sprintf("# events: %d\n# allocs: %d\n# frees: %d\n# resizes: %d\n" \
		"# peak-bytes: %.0f\n# peak-live: %d\n# end-bytes: %.0f\n# end-live: %d",
		events, allocs, frees, resizes, peak_bytes, peak_live, bytes, live)
}

function event(line) {
	events++
	if (bytes > peak_bytes)
		peak_bytes = bytes
	if (live > peak_live)
		peak_live = live
	if (events > max)
		return
	trace[events] = line
	note_quiet_point()
}

# malloc(0) hands out a block; the smallest size that a trace can say is 1.
function sane_size(size) {
	if (size == "0") {
		zero_sizes++
		return "1"
	}
	return size
}

# The program's first thread has no tag, the others are t1, t2 and so on.
function alloc_options(align, thread) {
	if (!(thread in tag))
		tag[thread] = threads++ ? " t" (threads - 1) : ""
	if (tag[thread] == "" && align == "0")
		return ""
	return " " align tag[thread]
}

function alloc(addr, size, align, thread) {
	if (addr in id_of) {
		missed_frees++
		release(addr)
	}
	size = sane_size(size)
	id_of[addr] = take_id()
	size_of[addr] = size
	bytes += size
	live++
	allocs++
	event("a " id_of[addr] " " size alloc_options(align, thread))
}

function release(addr) {
	if (!(addr in id_of)) {
		unknown_frees++
		return
	}
	bytes -= size_of[addr]
	live--
	frees++
	event("f " id_of[addr])
	put_id(id_of[addr])
	delete id_of[addr]
	delete size_of[addr]
}

function resize(old, addr, size, thread,    id) {
	if (!(old in id_of)) {
		unknown_resizes++
		alloc(addr, size, "0", thread)
		return
	}
	id = id_of[old]
	size = sane_size(size)
	bytes += size - size_of[old]
	delete id_of[old]
	delete size_of[old]
	if (addr in id_of) {
		missed_frees++
		release(addr)
	}
	id_of[addr] = id
	size_of[addr] = size
	resizes++
	event("r " id " " size)
}

$1 == "p" { exe = substr($0, 3); next }
$1 == "l" && NF == 2 { lost += $2; next }
$1 == "x" { stopped = 1; next }
NF != 6 { damaged++; next }
$1 == "a" { alloc($3, $4, $5, $6) }
$1 == "f" { release($2) }
$1 == "r" { resize($2, $3, $4, $6) }

function header(key, value) {
	if (value != "" && value != 0)
		print "# " key ": " value
}

END {
	if (!events) {
		print "raw2trace: no events" >"/dev/stderr"
		exit 1
	}
	print "# memmgr-trace 1"
	header("program", ENVIRON["PROGRAM"])
	header("process", exe ENVIRON["LEFT_OUT"])
	if (ENVIRON["COMMENT"] != "")
		print "# " ENVIRON["COMMENT"]
	last = events
	if (events > max) {
		last = quiet_events
		header("cut", sprintf("first %d of %d events, at the fewest live bytes " \
			"between event %d and %d", last, events, 0.9 * max, max))
	}
	print (events > max ? quiet : totals())
	header("threads", threads > 1 ? threads : "")
	header("zero-sizes", zero_sizes ? zero_sizes " in the whole log, written as 1" : "")
	header("unknown-frees", unknown_frees ? unknown_frees " in the whole log, left out" : "")
	header("unknown-resizes", unknown_resizes ? unknown_resizes " in the whole log, written as allocations" : "")
	header("missed-frees", missed_frees ? missed_frees " in the whole log, written where the address came back" : "")
	header("lost", lost ? lost " events of the whole log (allocations by signal handlers)" : "")
	header("damaged", damaged ? damaged " lines of the log (the program was killed)" : "")
	header("stopped", stopped ? "the log could not grow to its end" : "")
	for (i = 1; i <= last; i++)
		print trace[i]
}
