# set: fast
# needs: sqlite3
# limit: 60
cat >work.sql <<'END'
PRAGMA journal_mode=WAL;
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price REAL, note BLOB);
CREATE TABLE sale(item INTEGER REFERENCES item, day INTEGER, n INTEGER);
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 60000)
  INSERT INTO item SELECT x, printf('item-%06d', (x * 7919) % 60013), x * 0.25, zeroblob(x % 300) FROM c;
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 120000)
  INSERT INTO sale SELECT (x * 31) % 60000 + 1, x % 365, x % 9 FROM c;
CREATE INDEX item_name ON item(name);
CREATE INDEX sale_item ON sale(item, day);
SELECT count(*), sum(length(note)), max(name) FROM item;
SELECT i.name, sum(s.n * i.price) AS total FROM item i JOIN sale s ON s.item = i.id GROUP BY i.id ORDER BY total DESC, 1 LIMIT 5;
SELECT day, n, sum(n) OVER (PARTITION BY day ORDER BY item ROWS 3 PRECEDING) FROM sale WHERE day < 2 ORDER BY item, day LIMIT 8;
UPDATE item SET name = upper(name) || '-' || hex(note) WHERE id % 50 = 0;
DELETE FROM item WHERE id % 7 = 0;
SELECT length(group_concat(name, ',')), count(DISTINCT substr(name, 1, 9)) FROM item;
SELECT json_group_array(json_object('d', day, 'n', n)) FROM (SELECT day, sum(n) n FROM sale GROUP BY day LIMIT 6);
CREATE VIRTUAL TABLE words USING fts5(body);
INSERT INTO words SELECT name || ' ' || id || ' common' FROM item LIMIT 20000;
SELECT count(*) FROM words WHERE words MATCH 'common AND 1*';
SAVEPOINT a; DELETE FROM sale; ROLLBACK TO a; RELEASE a;
VACUUM;
PRAGMA integrity_check;
SELECT count(*) FROM sale;
END
sqlite3 work.db <work.sql
echo "code $?"
sqlite3 work.db .dump | md5sum
sqlite3 work.db 'SELECT nonsense FROM item'; echo "code $?"
