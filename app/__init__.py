"""The dashboard (閲覧画面): reads published files, and of ``ingest`` only settings, warehouse and policy."""
