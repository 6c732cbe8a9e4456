-- name: insert_job
-- nothing is inserted for an image that is not the user's, deleted or expired; `for share` waits for a deleter
with image as (
    select id, charged_job from images
    where id = %(image_id)s and user_id = %(user_id)s
      and deleted_at is null and (expires_at is null or expires_at > now())
    for share
)
insert into jobs (id, user_id, batch_id, kind, engine, engine_reason, model, image_id, params, queue, priority, turn, deadline,
                  announced_at, webhook, request_id, reserved)
select %(id)s, %(user_id)s, %(batch_id)s, %(kind)s, %(engine)s, %(engine_reason)s, %(model)s, image.id, %(params)s, %(queue)s,
       %(priority)s, next_turn(%(user_id)s, %(queue)s, %(priority)s::smallint),
       now() + make_interval(secs => %(deadline_s)s), now(), %(webhook)s, %(request_id)s,
       case when %(kind)s = 'legacy_fetch' then  -- what ClippingMagic bills is paid for by itself
                case when exists (select from legacy_images
                                  where id = (%(params)s::jsonb ->> 'legacy_id')::bigint and charged_job is not null)
                     then 0 else %(reserved)s end
            when image.charged_job is null then %(reserved)s else 0 end
from image
returning *

-- name: job
select * from jobs where id = %(id)s and user_id = %(user_id)s

-- name: list_jobs
select * from jobs
where user_id = %(user_id)s and kind <> 'shadow'
  and (%(after)s::uuid is null or id < %(after)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(kind)s::text is null or kind = %(kind)s)
  and (%(image_id)s::uuid is null or image_id = %(image_id)s)
order by id desc limit %(limit)s

-- name: answer
-- in the transaction that inserted it: what it asks for is known, no worker ever sees it
update jobs set status = 'succeeded', result = %(result)s, progress = 1, started_at = now(), finished_at = now()
where id = %(id)s and status = 'queued'
returning *

-- name: queue_position
-- 1 = next
select count(*) as position from jobs ahead, jobs me
where me.id = %(id)s and me.status = 'queued' and ahead.status = 'queued' and ahead.queue = me.queue
  and (ahead.priority > me.priority
       or (ahead.priority = me.priority and (ahead.turn, ahead.id) <= (me.turn, me.id)))

-- name: lock_claims
-- where users are capped: one claim of a queue at a time, held for the length of one update
select pg_advisory_xact_lock(hashtextextended('claim:' || %(queue)s, 0))

-- name: claim
with next as (
    select id from jobs
    where status = 'queued' and queue = %(queue)s and run_after <= now() and deadline > now()
      and created_at <= now() - make_interval(secs => %(waited_s)s) and priority >= %(lowest)s
      and (%(user_cap)s::int is null or user_id <> all (array(
          select user_id from jobs
          where status = 'processing' and queue = %(queue)s
          group by user_id having count(*) >= %(user_cap)s)))
    order by priority desc, turn, id
    limit %(count)s
    for update skip locked
)
update jobs set status = 'processing', fence = fence + 1, worker = %(worker)s,
    lease_until = now() + make_interval(secs => %(lease_s)s), started_at = coalesce(started_at, now())
from next where jobs.id = next.id
returning jobs.*

-- name: renew
-- all leases of a worker in one statement; what does not come back is lost
update jobs set lease_until = now() + make_interval(secs => %(lease_s)s)
from unnest(%(ids)s::uuid[], %(fences)s::int[]) as held(id, fence)
where jobs.id = held.id and jobs.fence = held.fence and jobs.status = 'processing'
returning jobs.id

-- name: progress
update jobs set progress = greatest(progress, %(progress)s)
where id = %(id)s and fence = %(fence)s and status = 'processing'
returning *

-- name: succeed
-- any number at once: a worker with many slots writes what ended meanwhile in one transaction
update jobs set status = 'succeeded', result = done.result, result_key = done.result_key,
    result_expires_at = now() + make_interval(secs => done.result_ttl_s),
    timings = jobs.timings || done.timings, progress = 1, lease_until = null, finished_at = now(),
    cost_micros = cost_micros + done.cost, worked = add_worked(worked, done.by, done.seconds)
from unnest(%(ids)s::uuid[], %(fences)s::int[], %(results)s::jsonb[], %(result_keys)s::text[],
            %(result_ttls)s::float8[], %(timings)s::jsonb[], %(costs)s::bigint[], %(workers)s::text[],
            %(seconds)s::float8[])
    as done(id, fence, result, result_key, result_ttl_s, timings, cost, by, seconds)
where jobs.id = done.id and jobs.fence = done.fence and jobs.status = 'processing'
returning jobs.*

-- name: pass_on
-- the first half is done, another kind of worker does the rest: the same row in another queue
update jobs set status = 'queued', queue = %(queue)s, turn = next_turn(user_id, %(queue)s, priority),
    timings = timings || %(timings)s, lease_until = null, worker = null, run_after = now(), announced_at = now(),
    cost_micros = cost_micros + %(cost)s, worked = add_worked(worked, %(by)s, %(seconds)s)
where id = %(id)s and fence = %(fence)s and status = 'processing'
returning *

-- name: reroute
-- the other engine does it instead: from the beginning, at the price that was reserved
update jobs set status = 'queued', engine = %(engine)s, engine_reason = %(engine_reason)s, queue = %(queue)s,
    turn = next_turn(user_id, %(queue)s, priority), attempt = 0, progress = 0, lease_until = null, worker = null,
    timings = timings || %(timings)s, run_after = now(), announced_at = now(),
    cost_micros = cost_micros + %(cost)s, worked = add_worked(worked, %(by)s, %(seconds)s)
where id = %(id)s and fence = %(fence)s and status = 'processing'
returning *

-- name: retry
update jobs set status = 'queued', attempt = attempt + 1, progress = 0, lease_until = null, worker = null,
    run_after = now() + make_interval(secs => %(delay_s)s), announced_at = null,
    cost_micros = cost_micros + %(cost)s, worked = add_worked(worked, %(by)s, %(seconds)s)
where id = %(id)s and fence = %(fence)s and status = 'processing'
returning *

-- name: fail
update jobs set status = 'failed', attempt = attempt + %(attempts)s, error = %(error)s, timings = timings || %(timings)s,
    lease_until = null, finished_at = now(), our_fault = %(our_fault)s,
    cost_micros = cost_micros + %(cost)s, worked = add_worked(worked, %(by)s, %(seconds)s)
where id = %(id)s and fence = %(fence)s and status = 'processing'
returning *

-- name: give_back
update jobs set status = 'queued', progress = 0, lease_until = null, worker = null, run_after = now(),
    announced_at = now(), cost_micros = cost_micros + %(cost)s, worked = add_worked(worked, %(by)s, %(seconds)s)
where id = %(id)s and fence = %(fence)s and status = 'processing'
returning *

-- name: stands
-- with our fence only we can have ended it well, or moved it on
select id from jobs
where id = %(id)s and fence = %(fence)s
  and (status = 'succeeded' or (status = 'queued' and queue <> %(queue)s))

-- name: cancel
-- the fence rises: a worker that holds the job finds out at its next step and throws its work away
update jobs set status = 'canceled', fence = fence + 1, lease_until = null, finished_at = now(),
    leftovers = leftovers or status = 'processing'
where id = %(id)s and user_id = %(user_id)s and status in ('queued', 'processing')
returning *

-- name: cancel_of_images
update jobs set status = 'canceled', fence = fence + 1, lease_until = null, finished_at = now(),
    leftovers = leftovers or status = 'processing'
where image_id = any(%(image_ids)s) and status in ('queued', 'processing')
returning *

-- name: cancel_of_batch
-- all of them, or those that no worker holds
update jobs set status = 'canceled', fence = fence + 1, lease_until = null, finished_at = now(),
    leftovers = leftovers or status = 'processing'
where batch_id = %(batch_id)s and (status = 'queued' or (status = 'processing' and not %(waiting_only)s))
returning *

-- name: cancel_of_user
update jobs set status = 'canceled', fence = fence + 1, lease_until = null, finished_at = now(),
    leftovers = leftovers or status = 'processing'
where user_id = %(user_id)s and status in ('queued', 'processing')
returning *

-- name: canceled_of_user
select * from jobs where user_id = %(user_id)s and status = 'canceled'

-- name: forget_results_of_images
update jobs set result_key = null where image_id = any(%(image_ids)s) and result_key is not null

-- name: only_sweeper
-- transaction level: the pooler keeps no session for us
select pg_try_advisory_xact_lock(hashtextextended('sweep', 0)) as mine

-- name: requeue_lost
update jobs set status = 'queued', crashes = crashes + 1, leftovers = true, progress = 0, lease_until = null, worker = null,
    run_after = now(), announced_at = null
where status = 'processing' and lease_until < now() and crashes + 1 < %(quarantine)s
returning *

-- name: mend_clock
-- times that no clock of ours can have written: it went back since. Leases and pauses last no longer than they may
update jobs set
    lease_until = case when status = 'processing'
        then least(lease_until, now() + make_interval(secs => %(lease_s)s)) end,
    run_after = least(run_after, now() + make_interval(secs => %(pause_s)s)),
    announced_at = case when announced_at <= now() then announced_at end
where (status = 'processing' and lease_until > now() + make_interval(secs => 2 * %(lease_s)s))
   or (status = 'queued' and (run_after > now() + make_interval(secs => 2 * %(pause_s)s) or announced_at > now()))
returning *

-- name: quarantine
update jobs set status = 'failed', our_fault = true, crashes = crashes + 1, leftovers = true, lease_until = null, finished_at = now(), error = %(error)s
where status = 'processing' and lease_until < now() and crashes + 1 >= %(quarantine)s
returning *

-- name: give_up
update jobs set status = 'failed', our_fault = true, finished_at = now(), error = %(error)s
where status = 'queued' and deadline <= now()
returning *

-- name: waiting
-- what Redis should know: told a while ago, or never
select row.* from (select distinct queue from jobs where status = 'queued') q
cross join lateral (
    select id, fence, queue, request_id from jobs
    where queue = q.queue and status = 'queued' and run_after <= now()
      and (announced_at is null or announced_at < now() - make_interval(secs => %(grace_s)s))
    order by priority desc, turn, id
    limit %(limit)s) row

-- name: announced
update jobs set announced_at = now()
from unnest(%(ids)s::uuid[], %(fences)s::int[]) as told(id, fence)
where jobs.id = told.id and jobs.fence = told.fence and jobs.status = 'queued'

-- name: expired_results
select id, result_key from jobs
where result_key is not null and result_expires_at <= now()
limit %(limit)s

-- name: forget_result
update jobs set result_key = null where id = %(id)s and result_key = %(key)s

-- name: leftovers
-- jobs whose killed runs may have left files, and every key of their image that something points at
select j.id, j.user_id, j.image_id, array_remove(
    array(select r.result_key from jobs r where r.image_id = j.image_id)
    || array(select e.storage_key from embeddings e where e.image_id = j.image_id)
    || array(select e.proposal ->> 'mask_key' from embeddings e where e.image_id = j.image_id)
    || i.working_key, null) as kept
from jobs j join images i on i.id = j.image_id
where j.leftovers and j.finished_at is not null
limit %(limit)s

-- name: no_leftovers
update jobs set leftovers = false where id = %(id)s

-- name: load
-- of one queue: how many wait (counted up to the limit), how many of them are the user's, how many ended lately
select
    (select count(*) from (select from jobs where queue = %(queue)s and status = 'queued' limit %(limit)s) q) as waiting,
    (select count(*) from jobs where queue = %(queue)s and status = 'queued' and user_id = %(user_id)s) as mine,
    (select count(*) from jobs
     where queue = %(queue)s and finished_at > now() - make_interval(secs => %(window_s)s)) as ended

-- name: pulse
-- how well the jobs of some queues fare: the oldest that somebody waits for, since it may run, and what ended
-- within the window. What pauses before its next try, or came from elsewhere, does not wait for a worker of these
select
    coalesce((select extract(epoch from now() - min(greatest(created_at, run_after))) from jobs
              where status = 'queued' and queue = any(%(queues)s) and priority >= 0
                and run_after <= now()), 0)::float as oldest_s,
    (select count(*) from jobs
     where queue = any(%(queues)s) and finished_at > now() - make_interval(secs => %(window_s)s)
       and status in ('succeeded', 'failed')) as ended,
    (select count(*) from jobs
     where queue = any(%(queues)s) and our_fault
       and finished_at > now() - make_interval(secs => %(window_s)s)) as faults

-- name: queues
-- for `cutout queue` and /metrics
select queue,
    count(*) filter (where status = 'queued') as waiting,
    count(*) filter (where status = 'processing') as processing,
    coalesce(extract(epoch from now() - min(created_at) filter (where status = 'queued')), 0)::float as oldest_s,
    count(*) filter (where finished_at > now() - interval '1 minute') as ended
from jobs
where status in ('queued', 'processing') or finished_at > now() - interval '1 minute'
group by queue order by queue

-- name: stats
-- of jobs that ended lately
select kind, status, error ->> 'code' as code, count(*) as jobs,
    percentile_cont(0.5) within group (order by extract(epoch from started_at - created_at))::float as waited_p50_s,
    percentile_cont(0.5) within group (order by extract(epoch from finished_at - started_at))::float as worked_p50_s,
    percentile_cont(0.95) within group (order by extract(epoch from finished_at - started_at))::float as worked_p95_s,
    sum(attempt) as attempts, sum(crashes) as crashes
from jobs
where finished_at > now() - make_interval(secs => %(window_s)s)
group by kind, status, error ->> 'code' order by kind, status, code

-- name: list_all
select * from jobs
where (%(after)s::uuid is null or id < %(after)s) and (%(status)s::text is null or status = %(status)s)
order by id desc limit %(limit)s

-- name: any_job
select * from jobs where id = %(id)s

-- name: cancel_any
update jobs set status = 'canceled', fence = fence + 1, lease_until = null, finished_at = now(),
    leftovers = leftovers or status = 'processing'
where id = %(id)s and status in ('queued', 'processing')
returning *
