-- name: lock_user
-- so that two requests at once cannot both be the last endpoint allowed
select id from users where id = %(user_id)s for no key update

-- name: insert_endpoint
insert into webhook_endpoints (id, user_id, url, events, description)
select %(id)s, %(user_id)s, %(url)s, %(events)s, %(description)s
where (select count(*) from webhook_endpoints where user_id = %(user_id)s) < %(most)s
returning *

-- name: endpoints
select * from webhook_endpoints where user_id = %(user_id)s order by id

-- name: endpoint
select * from webhook_endpoints where id = %(id)s and user_id = %(user_id)s

-- name: change_endpoint
update webhook_endpoints set
    url = coalesce(%(url)s, url),
    events = coalesce(%(events)s, events),
    description = coalesce(%(description)s, description),
    disabled_at = case when %(enabled)s::boolean then null
                       when not %(enabled)s then coalesce(disabled_at, now())
                       else disabled_at end,
    disabled_reason = case when %(enabled)s::boolean then null
                           when not %(enabled)s then coalesce(disabled_reason, 'by_user')
                           else disabled_reason end,
    failing_since = case when %(enabled)s::boolean then null else failing_since end
where id = %(id)s and user_id = %(user_id)s
returning *

-- name: delete_endpoint
delete from webhook_endpoints where id = %(id)s and user_id = %(user_id)s returning id

-- name: retire_secrets
-- the newest goes on signing for a while; those that were retired before end now
with newest as (
    select id from webhook_secrets
    where user_id = %(user_id)s and endpoint_id is not distinct from %(endpoint_id)s
    order by id desc limit 1
), ended as (
    delete from webhook_secrets
    where user_id = %(user_id)s and endpoint_id is not distinct from %(endpoint_id)s
      and id not in (select id from newest)
)
update webhook_secrets set expires_at = now() + make_interval(secs => %(keep_s)s)
where id in (select id from newest)

-- name: insert_secret
insert into webhook_secrets (id, user_id, endpoint_id, secret)
values (%(id)s, %(user_id)s, %(endpoint_id)s, %(secret)s)

-- name: secrets
select secret from webhook_secrets
where user_id = %(user_id)s and endpoint_id is not distinct from %(endpoint_id)s
  and (expires_at is null or expires_at > now())
order by id desc

-- name: insert_delivery
insert into webhook_deliveries (id, user_id, endpoint_id, event, url, payload)
values (%(id)s, %(user_id)s, %(endpoint_id)s, %(event)s, %(url)s, %(payload)s)
returning *

-- name: deliveries
select * from webhook_deliveries
where user_id = %(user_id)s
  and (%(endpoint_id)s::uuid is null or endpoint_id = %(endpoint_id)s)
  and (%(job_id)s::uuid is null or job_id = %(job_id)s)
  and (%(batch_id)s::uuid is null or batch_id = %(batch_id)s)
  and (%(state)s::text is null or state = %(state)s)
  and (%(after)s::uuid is null or id < %(after)s)
order by id desc limit %(limit)s

-- name: latest_deliveries
-- of everybody
select * from webhook_deliveries order by id desc limit %(limit)s

-- name: delivery
select * from webhook_deliveries where id = %(id)s and user_id = %(user_id)s

-- name: attempts
select number, status, ms, error, started_at from webhook_attempts where delivery_id = %(id)s order by number

-- name: redeliver
-- to where the endpoint lies now; what is being sent at this moment stays with its sender
update webhook_deliveries d set
    state = 'pending', step = 0, next_at = now(), delivered_at = null,
    url = coalesce((select e.url from webhook_endpoints e where e.id = d.endpoint_id), d.url)
where id = %(id)s and user_id = %(user_id)s
returning *

-- name: claim
-- Due deliveries, at most `per_receiver` at a time of one receiver: one that never answers holds up only itself.
with busy as (
    select receiver, count(*) as sending from webhook_deliveries
    where state = 'pending' and lease_until > now() group by receiver
), due as (
    select id, receiver, next_at, row_number() over (partition by receiver order by next_at, id) as place
    from webhook_deliveries
    where state = 'pending' and next_at <= now() and (lease_until is null or lease_until <= now())
), chosen as (
    select id from webhook_deliveries
    where id in (
        select due.id from due left join busy using (receiver)
        where due.place + coalesce(busy.sending, 0) <= %(per_receiver)s
        order by due.next_at, due.id limit %(limit)s
    )
      and state = 'pending' and next_at <= now() and (lease_until is null or lease_until <= now())
    for update skip locked
)
update webhook_deliveries set lease_until = now() + make_interval(secs => %(lease_s)s)
where id in (select id from chosen)
returning *

-- name: record_attempt
-- a sender that was late finds the number taken, and changes nothing
insert into webhook_attempts (delivery_id, number, status, ms, error, started_at)
values (%(id)s, %(number)s, %(status)s, %(ms)s, %(error)s,
        now() - make_interval(secs => %(ms)s::double precision / 1000))
on conflict do nothing
returning number

-- name: settle
update webhook_deliveries d set
    attempts = %(number)s, lease_until = null,
    state = case when %(delivered)s then 'delivered'
                 when %(wait_s)s::float is null then 'failed'
                 when exists (select from webhook_endpoints e where e.id = d.endpoint_id and e.disabled_at is not null)
                     then 'failed'
                 else 'pending' end,
    delivered_at = case when %(delivered)s then now() end,
    step = step + 1,
    next_at = now() + make_interval(secs => coalesce(%(wait_s)s::float, 0))
where id = %(id)s

-- name: endpoint_took
update webhook_endpoints set failing_since = null where id = %(endpoint_id)s and failing_since is not null

-- name: endpoint_failed
update webhook_endpoints set failing_since = coalesce(failing_since, now()) where id = %(endpoint_id)s

-- name: disable_endpoint
update webhook_endpoints set disabled_at = now(), disabled_reason = %(reason)s
where id = %(endpoint_id)s and disabled_at is null
  and (%(reason)s = 'gone' or failing_since < now() - make_interval(secs => %(after_s)s))
returning id

-- name: drop_pending
-- of a disabled endpoint; what is being sent is locked or leased, and ends by itself (see settle)
update webhook_deliveries set state = 'failed' where id in (
    select id from webhook_deliveries
    where endpoint_id = %(endpoint_id)s and state = 'pending' and (lease_until is null or lease_until <= now())
    for update skip locked
)

-- name: forget_old
delete from webhook_deliveries
where state <> 'pending' and created_at < now() - make_interval(secs => %(keep_s)s)
