{# The named columns hold a value in every row. Only the number of offenders is told. #}
{% test complete(model, columns, period=none) %}
select count(*) as incomplete_count
from {{ rows_to_test(model, period) }}
where
    {% for column in columns -%}
    {{ column }} is null
    {{- ' or ' if not loop.last }}
    {% endfor %}
having count(*) > 0
{% endtest %}
