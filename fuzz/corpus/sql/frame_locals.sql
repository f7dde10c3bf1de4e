SELECT frames.method, locals.name AS variable, class, human(retained) AS retained, objects.id
FROM locals
JOIN frames ON frames.thread_id = locals.thread_id AND frames.depth = locals.depth
JOIN objects ON objects.id = locals.id
ORDER BY objects.retained DESC
LIMIT 20;
