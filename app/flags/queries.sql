-- name: present
-- what every decision reckons with, asked twice a second; the day is the database's: no clock of ours
select coalesce((select max(version) from flag_versions where name = h.name), 0) as version, h.fallback,
    coalesce((select micros from legacy_spending where day = (now() at time zone 'UTC')::date), 0) as spent
from engine_health h where h.name = %(name)s

-- name: subject
select u.email, o.engine as override
from users u left join flag_overrides o on o.user_id = u.id and o.name = %(name)s
where u.id = %(user_id)s

-- name: lock
-- and say who we are, for the version's row
select version, set_config('cutout.actor', %(actor)s, true) from flags where name = %(name)s for update

-- name: set
update flags set rules = %(rules)s where name = %(name)s
returning version, rules, changed_by, changed_at

-- name: override
insert into flag_overrides (name, user_id, engine) values (%(name)s, %(user_id)s, %(engine)s)
on conflict (name, user_id) do update set engine = excluded.engine

-- name: no_override
delete from flag_overrides where name = %(name)s and user_id = %(user_id)s

-- name: overrides
select user_id, engine from flag_overrides where name = %(name)s order by user_id

-- name: versions
select version, rules, changed_by, changed_at from flag_versions
where name = %(name)s order by version desc limit %(limit)s

-- name: spend
-- no row back: it would be more than the day's budget. Who spends at the same moment waits here
insert into legacy_spending (day, micros)
select (now() at time zone 'UTC')::date, %(micros)s where %(micros)s <= %(limit)s
on conflict (day) do update set micros = legacy_spending.micros + excluded.micros
where legacy_spending.micros + excluded.micros <= %(limit)s
returning day

-- name: unspend
update legacy_spending set micros = micros - %(micros)s where day = %(day)s

-- name: turn_to_look
-- one process looks at a time: none that comes right after another
update engine_health set checked_at = now()
where name = %(name)s and checked_at <= now() - make_interval(secs => %(every_s)s)
returning name

-- name: health
select fallback, calm_since, now() as now from engine_health where name = %(name)s for update

-- name: set_health
update engine_health set fallback = %(fallback)s, calm_since = %(calm_since)s where name = %(name)s

-- name: switched
insert into engine_switches (fallback, reason, details) values (%(fallback)s, %(reason)s, %(details)s)

-- name: switches
select fallback, reason, details, switched_at from engine_switches
where switched_at > now() - make_interval(days => %(days)s) order by id desc limit %(limit)s
