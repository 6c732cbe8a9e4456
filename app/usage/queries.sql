-- name: days
-- an image that is cut out again on another day counts there too
select (ended_at at time zone 'UTC')::date as day, engine,
    count(distinct image_id) filter (where status = 'succeeded' and kind not in ('encode', 'shadow') and not preview) as cutouts,
    count(*) as jobs, count(*) filter (where status = 'failed') as failed,
    sum(embed_s + mask_s + legacy_s) as worker_s,
    sum(bytes_stored)::bigint as bytes_stored, sum(bytes_served)::bigint as bytes_served,
    sum(credits)::bigint as credits, sum(cost_micros)::bigint as cost_micros,
    percentile_cont(0.5) within group (order by took_s)
        filter (where status = 'succeeded' and kind not in ('encode', 'shadow') and not preview) as took_p50_s
from usage
where (%(user_id)s::uuid is null or (user_id = %(user_id)s and kind <> 'shadow')) and ended_at >= now() - make_interval(days => %(days)s)
group by 1, 2 order by 1, 2

-- name: months
select month, engine, cutouts, jobs, failed, worker_s, bytes_stored, bytes_served, credits, cost_micros
from usage_months where user_id = %(user_id)s order by month, engine

-- name: roll_up
-- the month that lasts, and on its first day the one before: written anew, so that nothing is counted twice
insert into usage_months
select date_trunc('month', ended_at at time zone 'UTC')::date, user_id, engine,
    count(distinct image_id) filter (where status = 'succeeded' and kind not in ('encode', 'shadow') and not preview),
    count(*), count(*) filter (where status = 'failed'), sum(embed_s + mask_s + legacy_s),
    sum(bytes_stored), sum(bytes_served), sum(credits), sum(cost_micros)
from usage
where ended_at >= date_trunc('month', (now() - interval '1 day') at time zone 'UTC') at time zone 'UTC'
  and kind <> 'shadow'
group by 1, 2, 3
on conflict (month, user_id, engine) do update set
    cutouts = excluded.cutouts, jobs = excluded.jobs, failed = excluded.failed, worker_s = excluded.worker_s,
    bytes_stored = excluded.bytes_stored, bytes_served = excluded.bytes_served, credits = excluded.credits,
    cost_micros = excluded.cost_micros

-- name: served
update usage set bytes_served = bytes_served + %(bytes)s where job_id = %(job_id)s

-- name: rows
select * from usage
where ended_at >= now() - make_interval(days => %(days)s) and (%(after)s::uuid is null or job_id > %(after)s)
order by job_id limit %(limit)s
