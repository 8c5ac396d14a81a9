"""Pictures: Altair for charts, small SVG for trends inside tables. Invented data says so inside each."""
