WITH RECURSIVE below(id) AS (
  SELECT * FROM (SELECT id FROM objects WHERE type NOT IN ('T_CLASS', 'T_MODULE') ORDER BY retained DESC LIMIT 1)
  UNION ALL
  SELECT objects.id FROM below JOIN objects ON objects.dominator = below.id)
SELECT class, count(*) AS objects, human(sum(size)) AS size
FROM below JOIN objects ON objects.id = below.id
GROUP BY class
ORDER BY sum(objects.size) DESC
LIMIT 20;
