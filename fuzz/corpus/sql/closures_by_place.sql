SELECT json_extract(line, '$.iseq.filename') || ':' || json_extract(line, '$.iseq.line') AS place, count(*) AS procs
FROM (SELECT dump_line(id) AS line FROM objects WHERE kind = 'proc')
GROUP BY place
ORDER BY procs DESC
LIMIT 20;
