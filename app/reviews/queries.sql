-- name: begin
insert into reviews (id, legacy_job) values (%(id)s, %(legacy_job)s)

-- name: waiting
-- the most different first: what is alike teaches nothing
select r.id, (j.result ->> 'iou')::float as iou, (j.result ->> 'edge_difference')::float as edge_difference
from reviews r join jobs j on j.id = r.id
where r.verdict is null and j.status = 'succeeded' and j.result_key is not null
order by 2, 1 limit %(limit)s

-- name: judge
-- a second verdict replaces the first
update reviews r set verdict = %(verdict)s, category = %(category)s, reviewer = %(reviewer)s, reviewed_at = now()
from jobs j
where r.id = %(id)s and j.id = r.id and j.status = 'succeeded'
returning r.id

-- name: results
select r.category, count(*) as comparisons,
    avg((j.result ->> 'iou')::float) as iou, avg((j.result ->> 'edge_difference')::float) as edge_difference,
    count(*) filter (where verdict = 'better') as better, count(*) filter (where verdict = 'same') as same,
    count(*) filter (where verdict = 'worse') as worse
from reviews r join jobs j on j.id = r.id
where j.finished_at is not null
group by r.category order by r.category nulls last

-- name: picture
select j.result_key, j.result from reviews r join jobs j on j.id = r.id
where r.id = %(id)s and j.status = 'succeeded' and j.result_key is not null
