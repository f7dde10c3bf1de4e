SELECT holder.class AS holder, refs.name, count(*) AS refs
FROM objects AS target
JOIN refs ON refs.to_id = target.id
LEFT JOIN objects AS holder ON holder.id = refs.from_id
WHERE target.class = 'Proc' AND refs.kind = 'strong'
GROUP BY holder.class, refs.name
ORDER BY refs DESC
LIMIT 20;
