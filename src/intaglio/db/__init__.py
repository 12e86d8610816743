"""The only place that speaks SQL: tables, migrations, and one repository a resource."""
