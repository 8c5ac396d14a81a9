{# Stops a run whose target is not an encrypted database: the stub attach of the profile would else be one in memory. #}
{% macro require_encrypted_target() %}
    {% if execute and target.type == 'duckdb' %}
        {% set found = run_query(
            "select coalesce(bool_or(encrypted), false) from duckdb_databases() where database_name = 'warehouse'"
        ) %}
        {% if not found.columns[0].values()[0] %}
            {{ exceptions.raise_compiler_error('the target database is not encrypted') }}
        {% endif %}
    {% endif %}
{% endmacro %}
