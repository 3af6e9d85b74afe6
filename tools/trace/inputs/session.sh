#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Input of the trace "sqlite": prints a session on a small stock database, one statement at a time
# as an application sends them, the same at every run.

set -euo pipefail

cat <<-END
	PRAGMA cache_size = -8000;
	CREATE TABLE part(id INTEGER PRIMARY KEY, name TEXT, weight REAL, note TEXT);
	CREATE TABLE stock(part INTEGER REFERENCES part(id), place TEXT, pieces INTEGER);
	BEGIN;
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
	INSERT INTO part
	SELECT i, 'part ' || (i * 7919 % 2000), i * 0.37,
	       substr('the quick brown fox jumps over the lazy dog', i % 20, 1 + i % 23)
	FROM n;
	COMMIT;
	CREATE INDEX part_name ON part(name);
END

echo 'BEGIN;'
for ((i = 0; i < 800; i++)); do
	echo "INSERT INTO stock VALUES ($((1 + i * 31 % 2000)), 'shelf $((i % 97))', $((i % 13)));"
done
echo 'COMMIT;'
echo 'CREATE INDEX stock_part ON stock(part, pieces);'
echo 'ANALYZE;'

for ((i = 0; i < 200; i++)); do
	echo "SELECT id, weight FROM part WHERE name = 'part $((i * 17 % 2000))';"
	echo "UPDATE stock SET pieces = pieces + 1 WHERE part = $((1 + i * 31 % 2000));"
done

cat <<-END
	SELECT note, count(*), avg(weight) FROM part GROUP BY note ORDER BY 2 DESC, 1 LIMIT 10;
	SELECT name, sum(pieces) AS total
	FROM part JOIN stock ON stock.part = part.id
	WHERE weight BETWEEN 100 AND 900
	GROUP BY name HAVING total > 5 ORDER BY total DESC, name LIMIT 10;
	SELECT place, group_concat(name, ' ')
	FROM stock JOIN part ON stock.part = part.id
	WHERE pieces = 12 GROUP BY place ORDER BY place LIMIT 5;
	SELECT name, weight, rank() OVER (PARTITION BY id % 50 ORDER BY weight DESC) AS place
	FROM part ORDER BY place, name LIMIT 10;
	UPDATE part SET note = upper(note) || '!' WHERE name LIKE 'part 1%';
	DELETE FROM stock WHERE pieces = 0;
	VACUUM;
	PRAGMA integrity_check;
END
