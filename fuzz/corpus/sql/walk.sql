WITH RECURSIVE up(id, n) AS (VALUES (4216, 0) UNION SELECT from_id, n + 1 FROM up JOIN refs ON to_id = up.id WHERE n < 9) SELECT * FROM up LEFT JOIN objects USING (id)
