SELECT class, count(*), sum(retained) OVER (PARTITION BY type) FROM objects GROUP BY class ORDER BY type DESC
