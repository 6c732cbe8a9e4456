-- name: insert_batch
insert into batches (id, user_id, name, model, options, webhook, request_id)
values (%(id)s, %(user_id)s, %(name)s, %(model)s, %(options)s, %(webhook)s, %(request_id)s)

-- name: lock_batch
-- who adds or ends waits for who adds or ends
select id from batches where id = %(id)s and user_id = %(user_id)s for no key update

-- name: batch
select b.*, c.counts from batches b
cross join lateral (select coalesce(jsonb_object_agg(state, items), '{}') as counts from (
    select state, count(*) as items from batch_items where batch_id = b.id group by state) as counted) as c
where b.id = %(id)s and b.user_id = %(user_id)s

-- name: list_batches
select b.*, c.counts from (
    select * from batches
    where user_id = %(user_id)s and (%(after)s::uuid is null or id < %(after)s)
    order by id desc limit %(limit)s) as b
cross join lateral (select coalesce(jsonb_object_agg(state, items), '{}') as counts from (
    select state, count(*) as items from batch_items where batch_id = b.id group by state) as counted) as c
order by b.id desc

-- name: insert_items
insert into batch_items (id, batch_id, name, source, state, error)
select new.id, %(batch_id)s, new.name, new.source, case when new.error is null then 'queued' else 'failed' end, new.error
from unnest(%(ids)s::uuid[], %(names)s::text[], %(sources)s::jsonb[], %(errors)s::jsonb[]) as new(id, name, source, error)

-- name: added
update batches set added_at = now() where id = %(id)s

-- name: close
update batches set closed_at = coalesce(closed_at, now()) where id = %(id)s

-- name: pause
update batches set paused_at = coalesce(paused_at, now()) where id = %(id)s

-- name: take_back
-- items that are being begun: whoever is at it finds out when there is an image or a job to be written
update batch_items set state = 'queued', lease_until = null
where batch_id = %(id)s and state = 'processing' and job_id is null

-- name: resume
update batches set paused_at = null where id = %(id)s

-- name: cancel
update batches set canceled_at = now(), closed_at = coalesce(closed_at, now()), paused_at = null where id = %(id)s

-- name: cancel_items
-- those that have no job; the others end with theirs
update batch_items set state = 'canceled', lease_until = null
where batch_id = %(id)s and state in ('queued', 'processing') and job_id is null

-- name: requeue_items
-- their jobs have ended without a result; the images stay, so nothing is fetched twice
update batch_items set state = 'queued', job_id = null, error = null, lease_until = null, run_after = now()
where job_id = any(%(jobs)s)

-- name: retry
-- what can end otherwise: there is an image, or something to make it of
update batch_items set state = 'queued', job_id = null, error = null, lease_until = null, run_after = now(),
    crashes = 0, attempt = 0
where batch_id = %(id)s and state in ('failed', 'canceled') and (image_id is not null or source is not null)
returning id

-- name: reopen
update batches set finished_at = null, canceled_at = null, paused_at = null where id = %(id)s

-- name: finishable
-- the lock first, in a statement of its own: the next one then sees all that its last holder did
select id from batches b
where finished_at is null and closed_at is not null
  and not exists (select from batch_items where batch_id = b.id and state in ('queued', 'processing'))
for no key update skip locked

-- name: finish
update batches b set finished_at = now()
where id = any(%(ids)s) and finished_at is null and closed_at is not null
  and not exists (select from batch_items where batch_id = b.id and state in ('queued', 'processing'))
returning id

-- name: close_forgotten
update batches set closed_at = now()
where finished_at is null and closed_at is null and added_at < now() - make_interval(secs => %(after_s)s)

-- name: items
select i.id, i.batch_id, i.name, i.state, i.error, i.confidence, i.image_id, i.job_id, i.reviewed_at,
    image.width as image_width, image.height as image_height, j.result, j.result_key, coalesce(j.credits, 0) as credits
from batch_items i
left join images image on image.id = i.image_id and image.deleted_at is null
    and (image.expires_at is null or image.expires_at > now())
left join jobs j on j.id = i.job_id and j.status = 'succeeded'
where i.batch_id = %(batch_id)s
  and (%(item_id)s::uuid is null or i.id = %(item_id)s)
  and (%(state)s::text is null or i.state = %(state)s)
  and (%(ended)s::boolean is null or (i.state in ('succeeded', 'failed')) = %(ended)s)
  and (%(reviewed)s::boolean is null or (i.reviewed_at is not null) = %(reviewed)s)
  and (%(after)s::uuid is null
       or (case when %(by_confidence)s then coalesce(i.confidence, -1) else 0 end, i.id) > (%(after_confidence)s::real, %(after)s))
order by case when %(by_confidence)s then coalesce(i.confidence, -1) else 0 end, i.id
limit %(limit)s

-- name: accept
update batch_items set reviewed_at = now(), job_id = coalesce(%(job_id)s, job_id),
    state = case when %(job_id)s::uuid is null then state else 'succeeded' end,
    error = case when %(job_id)s::uuid is null then error end
where id = %(id)s and state in ('succeeded', 'failed')
returning id

-- name: begin
-- at most `window` of a batch are under way: the queue stays short, a pause acts at once, and an empty balance
-- is noticed item by item
with room as (
    select b.id, %(window)s - (
        select count(*) from batch_items where batch_id = b.id and state = 'processing') as free
    from batches b where finished_at is null and canceled_at is null and paused_at is null
), next as (
    select item.id from room cross join lateral (
        select id from batch_items
        where batch_id = room.id and state = 'queued' and run_after <= now()
        order by id limit greatest(room.free, 0)
        for update skip locked) as item
    order by random() limit %(count)s
)
update batch_items i set state = 'processing', starts = starts + 1,
    lease_until = now() + make_interval(secs => %(lease_s)s)
from next where i.id = next.id
returning i.id, i.batch_id, i.name, i.source, i.image_id, i.starts, i.attempt

-- name: renew
update batch_items i set lease_until = now() + make_interval(secs => %(lease_s)s)
from unnest(%(ids)s::uuid[], %(starts)s::int[]) as held(id, starts)
where i.id = held.id and i.starts = held.starts and i.lease_until is not null

-- name: batches_by_id
select *, '{}'::jsonb as counts from batches where id = any(%(ids)s)

-- name: has_image
-- what it was made of is not needed any more
update batch_items set image_id = %(image_id)s, source = null
where id = %(id)s and starts = %(starts)s and state = 'processing' and job_id is null
returning id

-- name: has_job
update batch_items set job_id = %(job_id)s, lease_until = null
where id = %(id)s and starts = %(starts)s and state = 'processing' and job_id is null
returning id

-- name: put_back
update batch_items set state = 'queued', lease_until = null, attempt = attempt + %(attempts)s,
    run_after = now() + make_interval(secs => %(delay_s)s)
where id = %(id)s and starts = %(starts)s and state = 'processing' and job_id is null

-- name: fail
update batch_items set state = 'failed', lease_until = null, error = %(error)s,
    source = case when %(keep_source)s then source end
where id = %(id)s and starts = %(starts)s and state = 'processing' and job_id is null

-- name: requeue_lost
update batch_items set state = 'queued', lease_until = null, crashes = crashes + 1
where state = 'processing' and lease_until < now() and crashes + 1 < %(quarantine)s

-- name: quarantine
update batch_items set state = 'failed', lease_until = null, crashes = crashes + 1, error = %(error)s, source = null
where state = 'processing' and lease_until < now() and crashes + 1 >= %(quarantine)s

-- name: needless_sources
-- of batches that have ended, files that no item needs, or that are old
select id, user_id from batches b
where finished_at is not null and sources_gone_at is null
  and (finished_at < now() - make_interval(secs => %(keep_s)s)
       or not exists (select from batch_items where batch_id = b.id and source ->> 'key' is not null))
limit %(limit)s

-- name: forget_sources
-- a row back: its files may go. Somebody may have asked to try its items again since they were found needless
with ended as (update batches set sources_gone_at = now() where id = %(id)s and finished_at is not null returning id)
, forgotten as (update batch_items i set source = null from ended where batch_id = ended.id and source ->> 'key' is not null)
select id from ended
