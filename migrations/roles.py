"""Database roles: the owner migrates, the application works with less, company routes with least."""

import psycopg
from psycopg import sql

ROLES = {
    "beatrice_owner": "NOLOGIN",
    "beatrice_app": "LOGIN",
    "beatrice_hr": "NOLOGIN",
    "beatrice_worker": "LOGIN",
}


class RolesMissingError(Exception):
    """The roles are missing and this login may not create them; the message is SQL for the administrator."""


def administrator_sql(database: str) -> str:
    lines = [f"CREATE ROLE {name} {options};" for name, options in ROLES.items()]
    return "\n".join(
        [
            *lines,
            "GRANT beatrice_hr TO beatrice_app;",
            "GRANT beatrice_owner, beatrice_app, beatrice_hr, beatrice_worker TO <migration login>;",
            f'GRANT CREATE ON DATABASE "{database}" TO beatrice_owner;',
            "GRANT CREATE ON SCHEMA public TO beatrice_owner;",
        ]
    )


def ensure_roles(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Create what is missing; print-ready SQL in the exception where that is not allowed."""
    database = connection.info.dbname
    try:
        _ensure(connection, database)
    except psycopg.errors.InsufficientPrivilege:
        raise RolesMissingError(
            "Database roles are missing and this login may not create them. As an administrator run:\n\n"
            + administrator_sql(database)
        ) from None


def _ensure(connection: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    existing = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    for name, options in ROLES.items():
        if name not in existing:
            try:
                connection.execute(sql.SQL("CREATE ROLE {} " + options).format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                continue  # another database of this server is being set up at the same moment
    granted = connection.execute(
        "SELECT pg_has_role('beatrice_app', 'beatrice_hr', 'MEMBER'),"
        " has_database_privilege('beatrice_owner', current_database(), 'CREATE'),"
        " has_schema_privilege('beatrice_owner', 'public', 'CREATE'),"
        " bool_and(pg_has_role(current_user, r, 'MEMBER'))"
        " FROM unnest(ARRAY['beatrice_owner','beatrice_app','beatrice_hr','beatrice_worker']) AS r"
    ).fetchone()
    app_is_hr, owner_creates, owner_public, member = granted or (False, False, False, False)
    if not app_is_hr:
        connection.execute("GRANT beatrice_hr TO beatrice_app")
    if not member:
        connection.execute("GRANT beatrice_owner, beatrice_app, beatrice_hr, beatrice_worker TO CURRENT_USER")
    if not owner_creates:
        connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO beatrice_owner").format(sql.Identifier(database)))
    if not owner_public:
        connection.execute("GRANT CREATE ON SCHEMA public TO beatrice_owner")
