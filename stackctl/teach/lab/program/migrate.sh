# Makes the table. psql reads PGHOST, PGUSER, PGPASSWORD and PGDATABASE.
exec psql -v ON_ERROR_STOP=1 -c "CREATE TABLE IF NOT EXISTS entries (id serial PRIMARY KEY, text text)"
