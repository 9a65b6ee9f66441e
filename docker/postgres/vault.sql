-- Keys have a database of their own, so that it is backed up, and forgets, on its own terms.
CREATE DATABASE ownlog_vault OWNER ownlog;
