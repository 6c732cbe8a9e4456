from app.errors import AppError


class MayNotMakeRoles(AppError):
    """The database's user may not make roles: take the owner's, on Supabase `postgres`."""

    code = "may_not_make_roles"
    exit_code = 77  # EX_NOPERM of sysexits.h
