-- name: ensure_user
insert into users (id, email) values (%(id)s, %(email)s)
on conflict (id) do update set email = excluded.email
where excluded.email is not null and users.email is distinct from excluded.email
