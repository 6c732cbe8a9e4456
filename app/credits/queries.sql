-- name: balance
-- with what settlements have left to be taken up
select b.user_id, b.plan, b.granted, (b.held + coalesce(sum(c.held), 0))::bigint as held,
    (b.spent + coalesce(sum(c.spent), 0))::bigint as spent
from credit_balances b left join credit_changes c on c.user_id = b.user_id
where b.user_id = %(user_id)s
group by b.user_id

-- name: affords
select exists (select from images where id = %(image_id)s and charged_job is not null)
    or b.plan = 'unmetered'
    or b.granted - b.held - b.spent - coalesce(sum(c.held + c.spent), 0) >= %(price)s as affords
from credit_balances b left join credit_changes c on c.user_id = b.user_id
where b.user_id = %(user_id)s
group by b.user_id

-- name: grant
insert into credit_entries (user_id, entry_kind, granted, held, spent, note)
select id, 'grant', %(amount)s, 0, 0, %(note)s from users where id = %(user_id)s
returning id, entry_kind, job_id, granted, held, spent, note, created_at

-- name: entry
select id, entry_kind, job_id, granted, held, spent, note, created_at from credit_entries
where id = %(id)s and user_id = %(user_id)s

-- name: set_plan
update credit_balances set plan = %(plan)s where user_id = %(user_id)s returning user_id

-- name: entries
select id, entry_kind, job_id, granted, held, spent, note, created_at from credit_entries
where user_id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s)
order by id limit %(limit)s
