{# An expression that ends the query with a message where it is evaluated. #}
{% macro stop(message) %}{{ adapter.dispatch('stop')(message) }}{% endmacro %}
{% macro default__stop(message) %}raise_error('{{ message }}'){% endmacro %}
{% macro duckdb__stop(message) %}error('{{ message }}'){% endmacro %}
