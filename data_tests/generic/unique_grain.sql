{# One row per combination of the columns that name the grain. Only the number of offenders is told. #}
{% test unique_grain(model, columns) %}
select
    count(*) as combinations_count
from (
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
) as repeated
having count(*) > 0
{% endtest %}
