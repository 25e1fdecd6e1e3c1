"""SQLite or PostgreSQL behind SQLAlchemy: engine, tables, queries, migrations."""
