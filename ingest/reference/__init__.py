"""Public tables that a user loads: population, industry, life tables, deaths, facilities. No person is in them."""
