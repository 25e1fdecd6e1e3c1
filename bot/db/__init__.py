"""SQLite behind SQLAlchemy: engine, tables, queries, migrations."""
