SELECT class, count(*) AS methods, sum(kind = 'ruby') AS in_ruby
FROM methods
GROUP BY class_id
ORDER BY methods DESC
LIMIT 20;
