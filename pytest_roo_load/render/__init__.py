"""What a report shows: a pure view of a run directory's content, tables, and charts as SVG."""
