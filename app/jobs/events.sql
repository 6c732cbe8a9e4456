-- name: present
-- all transactions below this one have ended; what they did is in every later snapshot
select pg_snapshot_xmin(pg_current_snapshot())::text as cursor

-- name: changed
select id, user_id, version from jobs
where changed_in >= %(cursor)s::text::xid8 and user_id = any(%(users)s) and kind <> 'shadow'

-- name: view
-- what a listener sees of a job; one of the next two says of which jobs
-- params and webhook stay behind: marks can be 0.4 MB, and no listener is told them
select j.id, j.user_id, j.batch_id, j.kind, j.status, j.engine, j.engine_reason, j.model, j.image_id, '{}'::jsonb as params, j.result, j.error,
       j.result_key, j.timings, j.queue, j.priority, j.progress, j.fence, j.attempt, j.crashes, j.lease_until,
       j.deadline, j.worker, j.credits, j.cost_micros, null as webhook, j.request_id, j.version, j.created_at, j.started_at,
       j.finished_at, i.width as image_width, i.height as image_height
from jobs j
left join images i on i.id = j.image_id and i.deleted_at is null and (i.expires_at is null or i.expires_at > now())

-- name: view_those
where j.id = any(%(ids)s) order by j.id

-- name: view_own
-- the call that is made the most: an array and an owner who may be null cost its planning 0.08 ms
where j.id = %(id)s and j.user_id = %(owner)s

-- name: places
-- 1 = next. Apart from the views: planning it costs 0.2 ms, and most jobs that are asked for wait no more
select j.id, (
    select count(*) from jobs ahead
    where ahead.status = 'queued' and ahead.queue = j.queue
      and (ahead.priority > j.priority
           or (ahead.priority = j.priority and (ahead.turn, ahead.id) <= (j.turn, j.id)))
) as position
from jobs j where j.id = any(%(ids)s) and j.status = 'queued'

-- name: page
-- ids of the user's jobs that have not ended, or that changed since the cursor
select id from jobs
where user_id = %(user_id)s and kind <> 'shadow'
  and (%(after)s::uuid is null or id > %(after)s)
  and case when %(since)s::text is null then status in ('queued', 'processing')
           else changed_in >= %(since)s::text::xid8 end
order by id limit %(limit)s

-- name: positions
select id, position from (
    select id, row_number() over (partition by queue order by priority desc, turn, id) as position
    from jobs where status = 'queued'
) as queued
where id = any(%(ids)s)
