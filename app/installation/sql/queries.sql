-- Statements about the database as a whole.

-- name: state
SELECT (SELECT i.mode FROM installation i) AS mode, c.offset_interval <> '0' AS clock_moved FROM clock_offset c;

-- name: leftovers
-- Nobody owns an address under .example (RFC 2606), and salted hashes are equal only where one was copied.
SELECT
    EXISTS (SELECT FROM user_account WHERE email LIKE '%.example') AS example_logins,
    EXISTS (SELECT FROM user_account GROUP BY password_hash HAVING count(*) > 1) AS shared_passwords,
    EXISTS (SELECT FROM api_key WHERE revoked_at IS NULL AND hint LIKE 'bea\_test\_%') AS test_keys;
