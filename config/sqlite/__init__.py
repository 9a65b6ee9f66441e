"""Django's SQLite, whose connections write nothing by being opened."""
