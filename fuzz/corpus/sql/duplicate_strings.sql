WITH repeated AS (
  SELECT same_as, count(*) AS copies, sum(CASE WHEN id = same_as THEN 0 ELSE size END) AS wasted
  FROM strings WHERE duplicates > 0
  GROUP BY same_as ORDER BY wasted DESC LIMIT 20)
SELECT strings.id, copies, human(wasted) AS wasted, substr(value, 1, 60) AS text
FROM repeated JOIN strings ON strings.id = repeated.same_as
ORDER BY repeated.wasted DESC;
