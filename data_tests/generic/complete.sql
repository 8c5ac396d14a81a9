{# The named columns hold a value in every row. Only the number of offenders is told. #}
{% test complete(model, columns) %}
select count(*) as incomplete_count
from {{ model }}
where
    {% for column in columns -%}
    {{ column }} is null
    {{- ' or ' if not loop.last }}
    {% endfor %}
having count(*) > 0
{% endtest %}
