WITH RECURSIVE up(id, steps, way) AS (
  SELECT * FROM (SELECT id, 0, class FROM objects WHERE type = 'T_STRING' AND reachable ORDER BY size DESC LIMIT 1)
  UNION
  SELECT refs.from_id, up.steps + 1,
         coalesce((SELECT class FROM objects WHERE id = refs.from_id) || ' → ', '') || refs.name || ' → ' || up.way
  FROM up JOIN refs ON refs.to_id = up.id
  WHERE up.id <> 0 AND refs.kind = 'strong' AND up.steps < 20
  ORDER BY 2
  LIMIT 100000)
SELECT way FROM up WHERE id = 0 LIMIT 1;
