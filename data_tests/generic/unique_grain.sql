{# One row per combination of the columns that name the grain. Only the number of offenders is told. #}
{% test unique_grain(model, columns, period=none) %}
select
    count(*) as combinations_count
from (
    select {{ columns | join(', ') }}
    from {{ rows_to_test(model, period) }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
) as repeated
having count(*) > 0
{% endtest %}
